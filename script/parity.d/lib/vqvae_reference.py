"""OccWorld's scene VQ-VAE as straight-line formulas: torch's functional operations, no modules.

Weights come as a dictionary under OccWorld's keys. `shapes` lists the keys from the same description of
the network, so that a random checkpoint and the reading of it share no table with the program.
"""

import torch
import torch.nn.functional as F

CLASSES, CLASS_WIDTH, DEPTH, BASE, LATENT, CODES = 18, 8, 16, 64, 128, 512


def shapes(base=BASE, latent=LATENT, codes=CODES, depth=DEPTH, classes=CLASSES, class_width=CLASS_WIDTH):
    """{key: shape}, in no particular order."""
    out = {}

    def conv(name, to, of, size):
        out[name + ".weight"], out[name + ".bias"] = (to, of, size, size), (to,)

    def norm(name, channels):
        out[name + ".weight"] = out[name + ".bias"] = (channels,)

    def block(name, of, to):
        norm(name + ".norm1", of)
        conv(name + ".conv1", to, of, 3)
        norm(name + ".norm2", to)
        conv(name + ".conv2", to, to, 3)
        if of != to:
            conv(name + ".nin_shortcut", to, of, 1)

    def attention(name, channels):
        norm(name + ".norm", channels)
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{name}.{part}", channels, channels, 1)

    def middle(name, channels):
        block(name + ".block_1", channels, channels)
        attention(name + ".attn_1", channels)
        block(name + ".block_2", channels, channels)

    one, two, four, dense = base, 2 * base, 4 * base, depth * class_width
    out["class_embeds.weight"] = (classes, class_width)
    conv("encoder.conv_in", one, dense, 3)
    for level, (of, to) in enumerate(((one, one), (one, two), (two, four))):
        block(f"encoder.down.{level}.block.0", of, to)
        block(f"encoder.down.{level}.block.1", to, to)
        if level < 2:
            conv(f"encoder.down.{level}.downsample.conv", to, to, 3)
    middle("encoder.mid", four)
    norm("encoder.norm_out", four)
    conv("encoder.conv_out", latent, four, 3)
    conv("decoder.conv_in", four, latent, 3)
    middle("decoder.mid", four)
    for level, (of, to) in ((2, (four, four)), (1, (four, two)), (0, (two, one))):
        block(f"decoder.up.{level}.block.0", of, to)
        block(f"decoder.up.{level}.block.1", to, to)
        if level > 0:
            conv(f"decoder.up.{level}.upsample.conv", to, to, 3)
    for i in range(2):
        attention(f"encoder.down.2.attn.{i}", four)
        attention(f"decoder.up.2.attn.{i}", four)
    norm("decoder.norm_out", one)
    conv("decoder.conv_out", dense, one, 3)
    out["vqvae.embedding.weight"] = (codes, latent)
    conv("vqvae.quant_conv", latent, latent, 1)
    conv("vqvae.post_quant_conv", latent, latent, 1)
    return out


def swish(x):
    return x * torch.sigmoid(x)


def group_norm(x, w, name):
    """x [F, C, H, W]; the mean and variance of each group of channels over all cells."""
    frames, channels, height, width = x.shape
    groups = channels // 4 if channels <= 32 else 32
    grouped = x.reshape(frames, groups, -1)
    centred = grouped - grouped.mean(-1, keepdim=True)
    scaled = centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + 1e-6)
    scaled = scaled.reshape(x.shape)
    return scaled * w[name + ".weight"][:, None, None] + w[name + ".bias"][:, None, None]


def convolve(x, w, name, stride=1, padding=1):
    return F.conv2d(x.contiguous(), w[name + ".weight"], w[name + ".bias"], stride=stride, padding=padding)


def point(x, w, name):
    """A convolution of one cell."""
    return convolve(x, w, name, padding=0)


def res_block(x, w, name):
    h = convolve(swish(group_norm(x, w, name + ".norm1")), w, name + ".conv1")
    h = convolve(swish(group_norm(h, w, name + ".norm2")), w, name + ".conv2")
    return (point(x, w, name + ".nin_shortcut") if name + ".nin_shortcut.weight" in w else x) + h


def attend(x, w, name):
    """One head over all cells."""
    n = group_norm(x, w, name + ".norm")
    q, k, v = (point(n, w, f"{name}.{part}").flatten(2) for part in "qkv")  # [F, C, H * W]
    weights = torch.softmax(q.transpose(1, 2) @ k * x.shape[1] ** -0.5, -1)  # [F, queries, keys]
    out = (v @ weights.transpose(1, 2)).reshape(x.shape)
    return x + point(out, w, name + ".proj_out")


def mid(x, w, name):
    x = res_block(x, w, name + ".block_1")
    return res_block(attend(x, w, name + ".attn_1"), w, name + ".block_2")


def encode(w, labels):
    """labels [F, H, W, depth] -> latent before quantising [F, latent, H / 4, W / 4]."""
    embedded = w["class_embeds.weight"][labels]
    x = embedded.flatten(3).permute(0, 3, 1, 2).contiguous()  # Channel = depth * width + component.
    x = convolve(x, w, "encoder.conv_in")
    for level in range(3):
        for i in range(2):
            x = res_block(x, w, f"encoder.down.{level}.block.{i}")
            if level == 2:
                x = attend(x, w, f"encoder.down.2.attn.{i}")
        if level < 2:
            x = convolve(x, w, f"encoder.down.{level}.downsample.conv", stride=2)
    x = mid(x, w, "encoder.mid")
    x = convolve(swish(group_norm(x, w, "encoder.norm_out")), w, "encoder.conv_out")
    return point(x, w, "vqvae.quant_conv")


def quantise(w, z):
    """z [F, C, H, W] -> (nearest rows of the codebook [F, C, H, W], their indices [F, H, W])."""
    codes = w["vqvae.embedding.weight"]
    rows = z.permute(0, 2, 3, 1).flatten(0, 2)
    distances = (rows ** 2).sum(1, keepdim=True) + (codes ** 2).sum(1) - 2 * rows @ codes.T
    indices = distances.argmin(1)
    frames, _, height, width = z.shape
    nearest = codes[indices].reshape(frames, height, width, -1).permute(0, 3, 1, 2)
    return nearest, indices.reshape(frames, height, width)


def decode(w, z, class_vectors=None, class_bias=None):
    """z [F, latent, H / 4, W / 4], quantised or not -> class logits [F, H, W, depth, classes]."""
    x = point(z, w, "vqvae.post_quant_conv")
    x = convolve(x, w, "decoder.conv_in")
    x = mid(x, w, "decoder.mid")
    for level in (2, 1, 0):
        for i in range(2):
            x = res_block(x, w, f"decoder.up.{level}.block.{i}")
            if level == 2:
                x = attend(x, w, f"decoder.up.2.attn.{i}")
        if level > 0:
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            x = convolve(x, w, f"decoder.up.{level}.upsample.conv")
    x = convolve(swish(group_norm(x, w, "decoder.norm_out")), w, "decoder.conv_out")
    vectors = w["class_embeds.weight"] if class_vectors is None else class_vectors
    y = x.permute(0, 2, 3, 1)
    y = y.reshape(*y.shape[:3], -1, vectors.shape[1])  # [F, H, W, depth, width]
    logits = y @ vectors.T
    return logits if class_bias is None else logits + class_bias


def everything(w, labels):
    """What `occvla dump vqvae` writes, in the type of the weights."""
    latent = encode(w, labels)
    nearest, indices = quantise(w, latent)
    return {"latent": latent, "indices": indices, "logits": decode(w, nearest),
            "logits_continuous": decode(w, latent)}
