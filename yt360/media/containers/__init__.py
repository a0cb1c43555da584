"""What files state about picture and sound on the sphere: one parser a container, each bounded, none that decodes."""
