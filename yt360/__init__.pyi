from yt360.dataset.clip import Clip as Clip
from yt360.dataset.clip import ClipView as ClipView
from yt360.dataset.clip_dataset import ClipDataset as ClipDataset
from yt360.dataset.dataset import Dataset as Dataset
from yt360.dataset.dataset import open_dataset as open
from yt360.inference.processor import AVSAProcessor as AVSAProcessor
from yt360.models.avsa_model import AVSAModel as AVSAModel

__version__: str
__all__ = ["AVSAModel", "AVSAProcessor", "Clip", "ClipDataset", "ClipView", "Dataset", "__version__", "open"]
