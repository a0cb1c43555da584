"""Panoptic FPN (Kirillov, Girshick, He, Dollár, CVPR 2019) on torchvision's operators."""
