"""PaliGemma 2 with the OccVLA additions as straight-line formulas, in whatever float type it is given.

Written from the published formulas, not from the program. One file, no layers as objects, no cache:
every token is recomputed, so that it is slow and easy to check by eye. Weights come as a dictionary
under the names that transformers writes to disk. Single letters: N images, T tokens of an image,
L all tokens, H heads, K key heads, S size of a head, D width, Q occupancy queries.
"""

import math

import torch
import torch.nn.functional as F


def gelu(x):
    return 0.5 * x * (1 + torch.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


def linear(x, w, name):
    bias = w.get(name + ".bias")
    y = x @ w[name + ".weight"].T
    return y if bias is None else y + bias


def layer_norm(x, w, name, eps):
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + eps)
    return scaled * w[name + ".weight"] + w[name + ".bias"]


def rms_norm(x, weight, eps):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * (1 + weight)


def vision_tower(w, c, pixels):
    """pixels [N, 3, height, width] -> [N, T, Dv] after the last norm."""
    base = "vision_tower.vision_model."
    patch = c["patch_size"]
    eps = c.get("layer_norm_eps", 1e-6)
    n, _, height, width = pixels.shape
    rows, columns = height // patch, width // patch
    # [N, 3, rows, patch, columns, patch] -> [N, T, 3 * patch * patch]
    cut = pixels.reshape(n, 3, rows, patch, columns, patch).permute(0, 2, 4, 1, 3, 5)
    cut = cut.reshape(n, rows * columns, -1)
    kernel = w[base + "embeddings.patch_embedding.weight"].flatten(1)
    t = cut @ kernel.T + w[base + "embeddings.patch_embedding.bias"]
    t = t + w[base + "embeddings.position_embedding.weight"]
    heads = c["num_attention_heads"]
    size = c["hidden_size"] // heads
    for layer in range(c["num_hidden_layers"]):
        at = f"{base}encoder.layers.{layer}."
        u = layer_norm(t, w, at + "layer_norm1", eps)
        q, k, v = (linear(u, w, f"{at}self_attn.{x}_proj").unflatten(-1, (heads, size)).transpose(1, 2)
                   for x in "qkv")
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(size), -1)
        t = t + linear((weights @ v).transpose(1, 2).flatten(2), w, at + "self_attn.out_proj")
        u = layer_norm(t, w, at + "layer_norm2", eps)
        t = t + linear(gelu(linear(u, w, at + "mlp.fc1")), w, at + "mlp.fc2")
    return layer_norm(t, w, base + "post_layernorm", eps)


def rotate(x, positions, theta):
    """x [H, L, S], positions [L]: pairs (i, i + S/2) turned by position * theta^(-2i/S)."""
    half = x.shape[-1] // 2
    frequency = theta ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = positions.double()[:, None] * frequency
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def visible(images, prefix, suffix, mode):
    """[L, L] bool: row sees column. A flag a token, its running sum, and a comparison."""
    flags = torch.zeros(images + prefix + suffix, dtype=torch.long)
    if mode == "occvla" and prefix:
        flags[images] = 1
    flags[images + prefix:] = 1
    sums = flags.cumsum(0)
    return sums[None, :] <= sums[:, None]


class Language:
    """One pass through the language model: `image_length` first tokens are the images'."""

    def __init__(self, w, c, adapters=None):
        self.w, self.c, self.adapters = w, c, adapters or {"placement": "none"}
        self.largest_score = 0.0
        self.base = "language_model.model."
        self.eps = c["rms_norm_eps"]
        self.width = c["hidden_size"]

    def embed(self, ids):
        return self.w[self.base + "embed_tokens.weight"][ids] * math.sqrt(self.width)

    def bottleneck(self, layer, where, x, own):
        a = self.adapters
        at = (a["own_name"] if own else "adapters.{layer}.{where}").format(layer=layer, where=where)
        inner = linear(x, self.w, at + ".down")
        inner = gelu(inner) if a["activation"] == "gelu" else torch.relu(inner)
        return a["scale"] * linear(inner, self.w, at + ".up")

    def after_attention(self, layer, residual, o, own):
        norm = self.w[f"{self.base}layers.{layer}.post_attention_layernorm.weight"]
        o = rms_norm(o, norm, self.eps)
        if self.adapters["placement"] == "houlsby":
            return residual + o + self.bottleneck(layer, "attn", o, own)
        return residual + o

    def feed_forward(self, layer, h, own):
        at = f"{self.base}layers.{layer}."
        x = rms_norm(h, self.w[at + "pre_feedforward_layernorm.weight"], self.eps)
        m = linear(gelu(linear(x, self.w, at + "mlp.gate_proj")) * linear(x, self.w, at + "mlp.up_proj"),
                   self.w, at + "mlp.down_proj")
        norm = self.w[at + "post_feedforward_layernorm.weight"]
        placement = self.adapters["placement"]
        if placement == "adapterhub_gemma2":
            inner = self.bottleneck(layer, "ffn", rms_norm(m + h, norm, self.eps), own)
            return h + rms_norm(m + inner, norm, self.eps)
        o = rms_norm(m, norm, self.eps)
        if placement in ("pfeiffer", "houlsby"):
            return h + o + self.bottleneck(layer, "ffn", o, own)
        return h + o

    def heads(self, layer, x, name, count, positions=None):
        at = f"{self.base}layers.{layer}.self_attn.{name}_proj"
        y = linear(x, self.w, at).unflatten(-1, (count, self.c["head_dim"])).transpose(0, 1)
        return y if positions is None else rotate(y, positions, self.c["rope_theta"])

    def attend(self, layer, q, k, v, mask):
        """q [H, L, S], k and v [K, M, S], mask [L, M] or None -> [L, H * S] through the output projection."""
        group = q.shape[0] // k.shape[0]
        k, v = k.repeat_interleave(group, 0), v.repeat_interleave(group, 0)
        scores = q @ k.transpose(-1, -2) * self.c["query_pre_attn_scalar"] ** -0.5
        self.largest_score = max(self.largest_score, scores.abs().max().item())
        cap = self.c.get("attn_logit_softcapping")
        if cap:
            scores = cap * torch.tanh(scores / cap)
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        o = (torch.softmax(scores, -1) @ v).transpose(0, 1).flatten(1)
        return linear(o, self.w, f"{self.base}layers.{layer}.self_attn.o_proj")

    def run(self, h, mask, image_length, queries=None, query_positions=None, self_attention=False,
            own=False, text_sees=False):
        """h [L, D] embedded, mask [L, L] -> (hidden [L, D], hidden of the queries [Q, D] or None).

        Queries [Q, D], embedded, read the images' keys and values of each layer; with
        `self_attention` also their own; with `text_sees` the text reads theirs. On even layers nobody
        reads a token `sliding_window` or more positions back.
        """
        c, positions = self.c, torch.arange(h.shape[0])
        heads, key_heads = c["num_attention_heads"], c["num_key_value_heads"]
        for layer in range(c["num_hidden_layers"]):
            norm = self.w[f"{self.base}layers.{layer}.input_layernorm.weight"]
            x = rms_norm(h, norm, self.eps)
            q = self.heads(layer, x, "q", heads, positions)
            k = self.heads(layer, x, "k", key_heads, positions)
            v = self.heads(layer, x, "v", key_heads)
            window = c.get("sliding_window") if layer % 2 == 0 else None
            keys, values, seen, query_seen = k, v, mask, None
            if window:
                seen = mask & (positions[None, :] > positions[:, None] - window)
            if queries is not None:
                y = rms_norm(queries, norm, self.eps)
                query_q = self.heads(layer, y, "q", heads, query_positions)
                image_k, image_v = k[:, :image_length], v[:, :image_length]
                if self_attention or text_sees:
                    query_k = self.heads(layer, y, "k", key_heads, query_positions)
                    query_v = self.heads(layer, y, "v", key_heads)
                if text_sees:
                    keys, values = torch.cat([k, query_k], 1), torch.cat([v, query_v], 1)
                    text = torch.zeros(len(h), len(queries), dtype=torch.bool)
                    text[image_length:] = True
                    seen = torch.cat([seen, text], 1)
                if window:
                    query_seen = positions[None, :image_length] > query_positions[:, None] - window
                if self_attention:
                    if window:
                        own_seen = query_positions[None, :] > query_positions[:, None] - window
                        query_seen = torch.cat([query_seen, own_seen], 1)
                    image_k, image_v = torch.cat([image_k, query_k], 1), torch.cat([image_v, query_v], 1)
                queries = self.after_attention(
                    layer, queries, self.attend(layer, query_q, image_k, image_v, query_seen), own)
                queries = self.feed_forward(layer, queries, own)
            h = self.after_attention(layer, h, self.attend(layer, q, keys, values, seen), False)
            h = self.feed_forward(layer, h, False)
        last = self.w[self.base + "norm.weight"]
        return rms_norm(h, last, self.eps), (
            None if queries is None else rms_norm(queries, last, self.eps))

    def logits(self, hidden, cap=0.0):
        z = hidden @ self.w[self.base + "embed_tokens.weight"].T
        return cap * torch.tanh(z / cap) if cap else z


def model(w, text, vision, pixels, prefix, suffix, mode, *, cap=0.0, adapters=None, new_tokens=0,
          safe_margin=0.0, camera_embedding=None, queries=None, **branch):
    """What `occvla dump model` writes, in the type of `pixels`. `queries` [Q, D] before scaling.

    `margin` is the narrowest lead of a new token over the next; below `safe_margin` that is all there is.
    """
    language = Language(w, text, adapters)
    seen = vision_tower(w, vision, pixels)
    features = linear(seen, w, "multi_modal_projector.linear")
    placed = features
    if camera_embedding is not None:
        placed = placed + camera_embedding[:, None, :]
    images = placed.flatten(0, 1)
    scaled = None if queries is None else queries * math.sqrt(language.width)

    def hidden_of(ids, suffix_length, **more):
        h = torch.cat([images, language.embed(ids)])
        mask = visible(len(images), len(ids) - suffix_length, suffix_length, mode)
        return language.run(h, mask, len(images), **more)

    sequential = branch.pop("position", "shared") == "sequential"
    if scaled is not None:
        positions = torch.full((len(scaled),), len(images))
        if sequential:
            positions = positions + torch.arange(len(scaled))
        branch = dict(branch, queries=scaled, query_positions=positions)
    # Tokens first: they are the cheaper part, and a caller may not like them.
    tokens, margin = prefix, math.inf
    for _ in range(new_tokens):
        last = hidden_of(tokens, len(tokens) - len(prefix), **(branch if branch.get("text_sees") else {}))
        best = language.logits(last[0][-1]).topk(2)
        margin = min(margin, (best.values[0] - best.values[1]).item())
        if margin < safe_margin:
            return {"margin": margin}
        tokens = torch.cat([tokens, best.indices[:1]])
    ids = torch.cat([prefix, suffix])
    hidden, occupancy = hidden_of(ids, len(suffix), **branch)
    out = {"margin": margin, "generated": tokens[len(prefix):],
           "vision": seen, "image_features": features, "image_input": placed, "hidden": hidden,
           "logits": language.logits(hidden[len(images):], cap)}
    if occupancy is not None:
        out["occupancy_hidden"] = occupancy
    out["largest_score"] = language.largest_score
    return out


def pixel_shuffle(x, factor):
    """[C * r * r, H, W] -> [C, H * r, W * r]: channel c * r * r + di * r + dj of cell (i, j) becomes
    channel c of cell (i * r + di, j * r + dj)."""
    channels, height, width = x.shape
    x = x.reshape(channels // factor ** 2, factor, factor, height, width)
    return x.permute(0, 3, 1, 4, 2).reshape(channels // factor ** 2, height * factor, width * factor)


def planner(w, hidden, velocity, direction, ego_velocity, past, pool="mean"):
    """hidden [N * T, D] of the images -> six positions [6, 2]. `velocity`, `direction` index the meta
    action, `past` holds positions newest first."""
    if pool == "mean":
        pooled = hidden.mean(0)
    else:
        query = w["planner.query.weight"][0]
        pooled = torch.softmax(hidden @ query / math.sqrt(hidden.shape[1]), 0) @ hidden
    x = torch.cat([w["planner.velocity_embedding.weight"][velocity],
                   w["planner.direction_embedding.weight"][direction], ego_velocity,
                   linear(pooled, w, "planner.visual"), past.flatten()])
    x = torch.relu(linear(x, w, "planner.mlp.0"))
    x = torch.relu(linear(x, w, "planner.mlp.1"))
    return linear(x, w, "planner.mlp.2").reshape(6, 2)


def cross_entropy(logits, ids, prefix_length):
    """Losses of the suffix's tokens, each from the position before it. logits [P + S, V] -> [S]."""
    targets = ids[prefix_length:]
    return F.cross_entropy(logits[prefix_length - 1:-1].double(), targets, reduction="none")
