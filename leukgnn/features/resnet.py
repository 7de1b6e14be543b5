"""ResNet-18: its weights by name and SHA-256, and the network as a feature extractor."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, resnet18

from leukgnn import files
from leukgnn.cells.transforms import normalise
from leukgnn.cells.views import CROP, centre, signed
from leukgnn.files import InputError
from leukgnn.paper import IMAGES

ENCODER = "encoder.safetensors"  # the one that the package ships, trained on all its cells
IMAGENET = "imagenet"  # torchvision's weights, wherever torch keeps them
# Metadata of the weights of an encoder of our own: what it sees of a cell.
VIEW, CENTRAL = "central", f"{CROP} pixels"
TORCHVISION_FILE = "resnet18-f37072fd.pth"  # the name ends with the start of its SHA-256
KNOWN_WEIGHTS = {
    "d432ce01a56ba1372163cfc44ba92fb11dbd9616b522374e30652ce4b5925c87": (
        "ResNet-18 of 'And the Bit Goes Down' (ImageNet, small blocks, decoded to float; "
        "65.81 % top-1; CC BY-NC 4.0)"
    )
}
Precision = Literal["float32", "bfloat16"]
Embed = Callable[[Tensor], NDArray[np.float32]]


@dataclass(frozen=True)
class Weights:
    """Named parameters of a ResNet-18; its last layer, `fc`, stands there and is not used.

    Attributes
    ----------
    name : str
        What they are, in words.
    sha256 : str
        Of the file; of the parameters' bytes when drawn at random.
    state : dict of str to Tensor
        In torchvision's layout, float32.
    own : bool
        Whether of an encoder of our own (`experiments.encoder`): it was trained on the cells, and
        sees their central pixels from -1 to 1.
    """

    name: str
    sha256: str
    state: dict[str, Tensor]
    own: bool = False


def find_weights(given: str = "", *, download: bool = False) -> Weights:
    """Find ResNet-18 weights; by default the shipped encoder's.

    Parameters
    ----------
    given : str
        Path of a `.safetensors` file in torchvision's layout (whatever its last layer answers, as
        `fc` is not used), or of torchvision's own `resnet18-f37072fd.pth`; ``"imagenet"`` for that
        one in torch's cache; ``"random:SEED"`` for an untrained network as a control. Empty: the
        encoder that the package ships.
    download : bool
        Whether torchvision may fetch IMAGENET1K_V1 (its SHA-256 is checked).

    Raises
    ------
    InputError
        When nothing is found, or a file is missing, damaged or of another network.
    """
    if given.startswith("random:"):
        return _random_weights(given)
    if given != IMAGENET:
        return _read_weights(Path(given) if given else files.shipped_path(ENCODER))
    cached = Path(torch.hub.get_dir()) / "checkpoints" / TORCHVISION_FILE
    if not cached.is_file() and download:
        _download()
    if not cached.is_file():
        raise InputError(
            "No ImageNet weights of ResNet-18: set LEUKGNN_WEIGHTS (or --weights) to a "
            f".safetensors file in torchvision's layout, or put torchvision's {TORCHVISION_FILE} "
            f"at {cached}; random:0 stands for an untrained network."
        )
    return _read_weights(cached)


def _download() -> None:
    """Let torchvision fetch IMAGENET1K_V1 into torch's cache."""
    try:
        ResNet18_Weights.IMAGENET1K_V1.get_state_dict(check_hash=True)
    # No network, another SHA-256 than torchvision's, and whatever a proxy makes of the answer.
    except Exception as error:
        raise InputError(
            f"torchvision's ResNet-18 could not be downloaded ({error}); give --weights FILE."
        ) from error


def local_weights(given: str = "") -> Weights | None:
    """Weights as of `find_weights`; where none are given ImageNet's, None when there are none."""
    try:
        return find_weights(given or IMAGENET)
    except InputError:
        if given:
            raise
        return None


def _random_weights(given: str) -> Weights:
    """Draw the weights of ``"random:SEED"``."""
    seed = given.removeprefix("random:")
    if not seed.isdigit():
        raise InputError(f"weights={given!r}: expected random:SEED with a whole number, random:0.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed))
        state = resnet18().state_dict()
    content = b"".join(value.numpy().tobytes() for value in state.values())
    return Weights(f"untrained ResNet-18 (seed {seed})", files.sha256_bytes(content), state)


def _read_weights(path: Path) -> Weights:
    """Read and check a weight file; never unpickles a file of unknown content."""
    if not path.is_file():
        raise InputError(
            f"{path}: no such weight file; expected .safetensors or {TORCHVISION_FILE}."
        )
    digest = files.sha256_file(path)
    metadata: dict[str, str] = {}
    if path.suffix == ".safetensors":
        try:
            state = safetensors.torch.load_file(path)
            with safe_open(path, framework="pt") as stored:
                metadata = stored.metadata() or {}
        except SafetensorError as error:
            raise InputError(
                f"{path}: not a whole safetensors file ({error}); copy it again."
            ) from error
        name = KNOWN_WEIGHTS.get(digest, metadata.get("name", path.stem))
    elif digest.startswith(TORCHVISION_FILE[9:17]):
        state, name = torch.load(path, weights_only=True), "torchvision ResNet-18 IMAGENET1K_V1"
    else:
        raise InputError(
            f"{path}: expected a .safetensors file, or torchvision's own {TORCHVISION_FILE} "
            "(by its SHA-256); other pickled files are not loaded, convert them to safetensors."
        )
    if metadata.get(VIEW, CENTRAL) != CENTRAL:
        raise InputError(
            f"{path}: an encoder that sees {metadata[VIEW]} of a cell, expected {CENTRAL}; it is "
            "of another version of leukgnn, train it again."
        )
    return Weights(name, digest, _checked(path, state), own=VIEW in metadata)


def _checked(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameters as float32; raise InputError unless a ResNet-18 up to its last layer is whole.

    The last layer may be that of any task, such as two classes, or not be there.
    """
    network = resnet18()
    last = {f"fc.{key}": torch.zeros_like(v) for key, v in network.fc.state_dict().items()}
    body = {key: value for key, value in state.items() if not key.startswith("fc.")}
    whole = {k: v.float() if v.is_floating_point() else v for k, v in (body | last).items()}
    try:
        network.load_state_dict(whole)
    except RuntimeError as error:
        raise InputError(
            f"{path}: not a ResNet-18 in torchvision's layout; expected its "
            f"{len(network.state_dict()) - len(last)} named tensors before fc."
        ) from error
    if bad := [key for key, value in whole.items() if not value.isfinite().all()]:
        raise InputError(f"{path}: {bad[0]} holds numbers that are not finite; train it again.")
    return whole


def preprocessing(
    weights: Weights, *, normalised: bool = True
) -> tuple[Callable[[Tensor], Tensor], str]:
    """How a network of these weights is shown uint8 pixels (b, 3, 128, 128), and that in words.

    Normalised as the paper's section III.C says, or only scaled to 0..1 as in the authors' released
    code; an encoder of our own sees the central ones, from -1 to 1.

    Raises
    ------
    InputError
        When an encoder of our own shall see pixels as in the released code.
    """
    if weights.own and not normalised:
        raise InputError(
            f"unnormalised pixels: {weights.name} sees one scale only; leave --unnormalised out, "
            "or give other weights."
        )
    if weights.own:
        return lambda p: signed(centre(p)), f"the central {CROP} pixels, from -1 to 1"
    if normalised:
        return normalise, f"mean {IMAGES.mean}, standard deviation {IMAGES.std}"
    return lambda p: p / 255, "no more"


def body(weights: Weights) -> nn.Module:
    """ResNet-18 of these weights with `fc = Identity`: 512 features (section III.D)."""
    network: nn.Module = resnet18()
    network.load_state_dict(weights.state)
    network.fc = nn.Identity()
    return network


def extractor(
    weights: Weights, *, precision: Precision = "float32", normalised: bool = True
) -> Embed:
    """ResNet-18 with `fc = Identity` in eval mode, made fast for inference (section III.D).

    Pixels are shown as `preprocessing` says. Batch norms are folded into the convolutions, and
    convolution, addition and ReLU are fused by torch's own inference pass; the input is
    channels_last.

    Returns
    -------
    callable
        From uint8 pixels of shape (b, 3, 128, 128) to float32 features of shape (b, 512).
    """
    shown, _ = preprocessing(weights, normalised=normalised)
    network: Any = body(weights)  # torch's stubs know no `to` with a memory format and a dtype
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    network = network.eval().to(dtype=kind, memory_format=torch.channels_last)
    example = torch.zeros(2, 3, IMAGES.size, IMAGES.size, dtype=kind)
    with torch.inference_mode(), warnings.catch_warnings():
        # Deprecated in favour of torch.compile, which needs a C++ compiler on the reader's
        # machine; torch is pinned exactly, so the pass stays until that pin moves.
        warnings.simplefilter("ignore", FutureWarning)
        example = example.contiguous(memory_format=torch.channels_last)
        traced = torch.jit.trace(network, example)  # type: ignore[no-untyped-call]
        fast = torch.jit.optimize_for_inference(traced)

    def embed(pixels: Tensor) -> NDArray[np.float32]:
        with torch.inference_mode():
            batch = shown(pixels).to(dtype=kind).contiguous(memory_format=torch.channels_last)
            features: NDArray[np.float32] = fast(batch).float().numpy()
        return features

    return embed
