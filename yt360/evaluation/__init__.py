"""The paper's downstream tasks on trained models, and its tables.

Importing this package does not import torch.
"""
