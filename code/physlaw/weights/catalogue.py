"""The published files that the metrics and the paper's tokenizer can use: what for, where from, which SHA-256."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A file that others publish. size: bytes."""

    name: str
    source: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Kind:
    """Weights of one kind. files: each file's editions, of which any one does. usage: what follows the conversion."""

    purpose: str
    files: tuple[tuple[Published, ...], ...]
    usage: str


KINDS = {
    "lpips_alexnet": Kind(
        purpose="LPIPS: a metric, and a term of a VAE's loss",
        files=(
            (
                Published(
                    "alexnet-owt-7be5be79.pth",
                    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
                    244_408_911,
                    "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
                ),
            ),
            (
                Published(
                    "alex.pth",
                    "https://github.com/richzhang/PerceptualSimilarity, lpips/weights/v0.1/alex.pth; the same file is "
                    "in the package torchmetrics (physlaw[train]), functional/image/lpips_models/alex.pth",
                    6_009,
                    "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
                ),
            ),
        ),
        usage="physlaw weights convert lpips_alexnet alexnet-owt-7be5be79.pth alex.pth out=lpips_alexnet.safetensors",
    ),
    "i3d": Kind(
        purpose="FVD: a metric",
        files=(
            (
                Published(
                    "i3d_torchscript.pt",
                    "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1 (StyleGAN-V and "
                    "universome/fvd-comparison), https://huggingface.co/flateon/FVD-I3D-torchscript",
                    51_235_320,
                    "bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
                ),
            ),
        ),
        usage="physlaw weights convert i3d i3d_torchscript.pt out=i3d.safetensors",
    ),
    "sd15_vae": Kind(
        purpose="the start of the paper's video VAE",
        files=(
            (
                Published(
                    "vae/diffusion_pytorch_model.safetensors",
                    "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
                    334_643_276,
                    "a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c",
                ),
                Published(
                    "v1-5-pruned-emaonly.safetensors",
                    "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
                    4_265_146_304,
                    "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa",
                ),
            ),
        ),
        usage="physlaw weights convert sd15_vae FILE (only checks it: the file is used as it is)",
    ),
}

NOTES = """\
Without these files the numbers that need them are "n/a". None is downloaded: fetch them yourself, then convert, which
checks the SHA-256 first; sha256= (one per file, in order, with a comma between) allows for another edition.
alex.pth was converted and its hash computed here. The other files could not be had where this was written: their
hashes and sizes are those that several public projects record, and their conversion is tried on files made alike.
Of i3d_torchscript.pt it is only known that its layers are those of kinetics_i3d_pytorch; what it holds is matched by
these names, else by order and shape, and refused where a layer is missing, left over or of another shape.
"""


def list_weights() -> str:
    """What `physlaw weights` prints: every kind, its files, their sources and hashes, and the command that converts."""
    lines = []
    for name, kind in KINDS.items():
        lines.append(f"{name}: {kind.purpose}")
        for editions in kind.files:
            for k, file in enumerate(editions):
                lines.append(f"  {'or ' if k else ''}{file.name} ({file.size:,} bytes)")
                lines += [f"    from {file.source}", f"    SHA-256 {file.sha256}"]
        lines += [f"  {kind.usage}", ""]
    return "\n".join(lines) + "\n" + NOTES
