"""OccVLA's stage 2 in plain PyTorch: the peer of `occvla train`, for speed and for equal numbers.

One model at its best in eager PyTorch: a step's frames are a batch, a frame's questions one packed sequence
behind a common image prefill; attention without a soft cap is scaled_dot_product_attention, the VQ decoder is
conv2d, AdamW is the fused one. It reads the program's checkpoint folders and what `occvla dump examples`
writes. Letters: B frames, N cameras, P image tokens of a frame, R questions, T text tokens, C width, H heads,
K key heads, D size of a head.
"""

import glob
import json
import math
import os

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file

LANGUAGE = "language_model.model."
VISION = "vision_tower.vision_model."

# As the program names them, by prefix; the first that fits decides.
MODULES = [("vision_tower.", "vision"), ("multi_modal_projector.", "projector"), ("camera_", "projector"),
           ("language_model.", "language"), ("adapters.", "adapters"), ("occupancy.", "occupancy"),
           ("vqvae.encoder.", "vq-encoder"), ("vqvae.vqvae.quant_conv.", "vq-encoder"),
           ("vqvae.vqvae.embedding.", "vq-encoder"), ("vqvae.", "vq-decoder"), ("planner.", "planner")]


def module_of(name):
    return next(module for prefix, module in MODULES if name.startswith(prefix))


def read_examples(path):
    """[{pixel_values, occupancy, mask_camera, crop, questions: [(prefix, suffix)]}] of `dump examples`."""
    frames = {}
    for name, tensor in load_file(path).items():
        frame, *rest = name.split(".")
        example = frames.setdefault(int(frame), {"questions": {}})
        if len(rest) == 1:
            example[rest[0]] = tensor
        else:
            example["questions"].setdefault(int(rest[0]), {})[rest[1]] = tensor
    for example in frames.values():
        asked = [q for _, q in sorted(example["questions"].items())]
        example["questions"] = [(q["prefix_ids"], q["suffix_ids"]) for q in asked]
    return [frames[i] for i in sorted(frames)]


def rotate(x, positions, theta):
    """x [B, heads, T, D] turned by its positions [T] or [B, 1, T], halves against halves."""
    half = x.shape[-1] // 2
    frequency = theta ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = positions.double()[..., None] * frequency
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def lovasz_softmax(probabilities, labels):
    """[V, classes], [V]: Berman's Lovasz-Softmax over the classes present."""
    losses = []
    for c in labels.unique().tolist():
        truth = (labels == c).to(probabilities.dtype)
        errors, order = (truth - probabilities[:, c]).abs().sort(descending=True)
        sorted_truth = truth[order]
        total = sorted_truth.sum()
        intersection = total - sorted_truth.cumsum(0)
        union = total + (1 - sorted_truth).cumsum(0)
        jaccard = 1 - intersection / union
        slope = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
        losses.append(errors @ slope)
    return torch.stack(losses).mean()


class OccVla:
    """Weights by their names on disk; what `train` names gets gradients."""

    def __init__(self, folder, train=(), dtype=torch.float32):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        self.text, self.vision, self.own = config["text_config"], config["vision_config"], config.get("occvla", {})
        self.w = {}
        for path in sorted(glob.glob(os.path.join(folder, "model*.safetensors"))):
            with safe_open(path, framework="pt") as file:
                for name in file.keys():
                    self.w[name] = file.get_tensor(name).to(dtype)
        self.trained = [name for name in sorted(self.w) if module_of(name) in train]
        for name in self.trained:
            self.w[name].requires_grad_(True)
        self.adapters = self.own.get("adapters", {"placement": "none"})
        if self.adapters["placement"] not in ("none", "pfeiffer") or self.own.get("camera_rays"):
            raise SystemExit(f"{folder}: this peer knows adapters after the FFN and no camera rays")
        self.theta = self.text["rope_theta"]
        self.scale = self.text["query_pre_attn_scalar"] ** -0.5
        self.cap = self.text["attn_logit_softcapping"]

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w.get(name + ".bias"))

    # SigLIP ------------------------------------------------------------------------------------------

    def images(self, pixels):
        """[B, N, 3, S, S] -> embedded image tokens [B, P, C]."""
        c, (b, n) = self.vision, pixels.shape[:2]
        eps, heads = c.get("layer_norm_eps", 1e-6), c["num_attention_heads"]
        kernel = VISION + "embeddings.patch_embedding"
        x = F.conv2d(pixels.flatten(0, 1), self.w[kernel + ".weight"], self.w[kernel + ".bias"], stride=c["patch_size"])
        x = x.flatten(2).transpose(1, 2) + self.w[VISION + "embeddings.position_embedding.weight"]

        def norm(x, name):
            return F.layer_norm(x, x.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"], eps)

        for layer in range(c["num_hidden_layers"]):
            at = f"{VISION}encoder.layers.{layer}."
            u = norm(x, at + "layer_norm1")
            q, k, v = (self.linear(u, f"{at}self_attn.{p}_proj").unflatten(-1, (heads, -1)).transpose(1, 2) for p in "qkv")
            o = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = x + self.linear(o, at + "self_attn.out_proj")
            u = F.gelu(self.linear(norm(x, at + "layer_norm2"), at + "mlp.fc1"), approximate="tanh")
            x = x + self.linear(u, at + "mlp.fc2")
        x = self.linear(norm(x, VISION + "post_layernorm"), "multi_modal_projector.linear").unflatten(0, (b, n))
        if "camera_embedding.weight" in self.w:
            x = x + self.w["camera_embedding.weight"][:, None]
        return x.flatten(1, 2)

    # Gemma 2 -----------------------------------------------------------------------------------------

    def embed(self, ids):
        return F.embedding(ids, self.w[LANGUAGE + "embed_tokens.weight"]) * math.sqrt(self.text["hidden_size"])

    def norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], 1 + self.w[LANGUAGE + name], self.text["rms_norm_eps"])

    def heads(self, layer, x, name, positions=None):
        """x [B, T, C] -> [B, heads, T, D]."""
        y = self.linear(x, f"{LANGUAGE}layers.{layer}.self_attn.{name}_proj")
        y = y.unflatten(-1, (-1, self.text["head_dim"])).transpose(1, 2)
        return y if positions is None else rotate(y, positions, self.theta)

    def capped(self, scores):
        return self.cap * torch.tanh(scores / self.cap) if self.cap else scores

    def attend(self, q, k, v, bias=None):
        """q [B, H, T, D], k and v [B, K, S, D], bias [B or 1, T, S] -> [B, T, H * D]."""
        b, _, t, d = q.shape
        keys = k.shape[1]
        scores = self.capped(q.reshape(b, keys, -1, d) @ (k * self.scale).transpose(-1, -2))  # [B, K, G * T, S]
        if bias is not None:
            scores = (scores.unflatten(2, (-1, t)) + bias[:, None, None]).flatten(2, 3)
        return (scores.softmax(-1) @ v).unflatten(2, (-1, t)).flatten(1, 2).transpose(1, 2).flatten(2)

    def behind_attention(self, layer, h, attended):
        at = f"layers.{layer}."
        h = h + self.norm(self.linear(attended, f"{LANGUAGE}{at}self_attn.o_proj"), at + "post_attention_layernorm.weight")
        x = self.norm(h, at + "pre_feedforward_layernorm.weight")
        gate = F.gelu(self.linear(x, f"{LANGUAGE}{at}mlp.gate_proj"), approximate="tanh")
        m = self.linear(gate * self.linear(x, f"{LANGUAGE}{at}mlp.up_proj"), f"{LANGUAGE}{at}mlp.down_proj")
        o = self.norm(m, at + "post_feedforward_layernorm.weight")
        if self.adapters["placement"] == "none":
            return h + o
        inner = self.linear(o, f"adapters.{layer}.ffn.down")
        inner = F.gelu(inner, approximate="tanh") if self.adapters["activation"] == "gelu" else F.relu(inner)
        return h + o + self.adapters["scale"] * self.linear(inner, f"adapters.{layer}.ffn.up")

    def layers(self):
        return range(self.text["num_hidden_layers"])

    def prefill(self, h):
        """Image tokens alone (eq. 2): h [B, P, C] -> keys and values by layer, [B, K, P, D] each."""
        cache, positions = [], torch.arange(h.shape[1])
        for layer in self.layers():
            x = self.norm(h, f"layers.{layer}.input_layernorm.weight")
            k, v = self.heads(layer, x, "k", positions), self.heads(layer, x, "v")
            cache.append((k, v))
            if layer + 1 < len(self.layers()):  # What the last layer makes of images nobody reads.
                q = self.heads(layer, x, "q", positions)
                h = self.behind_attention(layer, h, self.attend(q, k, v))
        return cache

    def queries(self, h, cache, position):
        """The occupancy branch (eq. 1): h [B, Q, C] reads the images' keys and values."""
        positions = torch.full((h.shape[1],), position)
        for layer, (k, v) in enumerate(cache):
            q = self.heads(layer, self.norm(h, f"layers.{layer}.input_layernorm.weight"), "q", positions)
            h = self.behind_attention(layer, h, self.attend(q, k, v))
        return self.norm(h, "norm.weight")

    def packed(self, h, cache, bias, positions):
        """All questions of a frame one after the other: h [B, T, C] over the cache, bias [B, T, P + T],
        positions [B, T] -> [B, T, C]."""
        positions = positions[:, None]
        for layer, (image_k, image_v) in enumerate(cache):
            x = self.norm(h, f"layers.{layer}.input_layernorm.weight")
            q, k = self.heads(layer, x, "q", positions), self.heads(layer, x, "k", positions)
            k, v = torch.cat([image_k, k], 2), torch.cat([image_v, self.heads(layer, x, "v")], 2)
            h = self.behind_attention(layer, h, self.attend(q, k, v, bias))
        return self.norm(h, "norm.weight")

    def whole(self, h, bias):
        """Sequences that bring their own images: h [R, P + T, C], bias [R, P + T, P + T]."""
        positions = torch.arange(h.shape[1])
        for layer in self.layers():
            x = self.norm(h, f"layers.{layer}.input_layernorm.weight")
            q, k = self.heads(layer, x, "q", positions), self.heads(layer, x, "k", positions)
            h = self.behind_attention(layer, h, self.attend(q, k, self.heads(layer, x, "v"), bias))
        return self.norm(h, "norm.weight")

    # The VQ-VAE's decoder ----------------------------------------------------------------------------

    def conv(self, x, name, padding=1):
        return F.conv2d(x, self.w[name + ".weight"], self.w[name + ".bias"], padding=padding)

    def group_norm(self, x, name):
        channels = x.shape[1]
        return F.group_norm(x, channels // 4 if channels <= 32 else 32, self.w[name + ".weight"],
                            self.w[name + ".bias"], 1e-6)

    def res_block(self, x, name):
        h = self.conv(F.silu(self.group_norm(x, name + ".norm1")), name + ".conv1")
        h = self.conv(F.silu(self.group_norm(h, name + ".norm2")), name + ".conv2")
        return (self.conv(x, name + ".nin_shortcut", 0) if name + ".nin_shortcut.weight" in self.w else x) + h

    def cells(self, x, name):
        n = self.group_norm(x, name + ".norm")
        q, k, v = (self.conv(n, f"{name}.{p}", 0).flatten(2).transpose(1, 2) for p in "qkv")
        o = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        return x + self.conv(o, name + ".proj_out", 0)

    def decode(self, z):
        """z [B, Z, h, w] -> class logits [B, X, Y, depth, classes]."""
        x = self.conv(self.conv(z, "vqvae.vqvae.post_quant_conv", 0), "vqvae.decoder.conv_in")
        at = "vqvae.decoder.mid."
        x = self.res_block(self.cells(self.res_block(x, at + "block_1"), at + "attn_1"), at + "block_2")
        for level in (2, 1, 0):
            for i in range(2):
                x = self.res_block(x, f"vqvae.decoder.up.{level}.block.{i}")
                if level == 2:
                    x = self.cells(x, f"vqvae.decoder.up.2.attn.{i}")
            if level > 0:
                x = self.conv(F.interpolate(x, scale_factor=2.0), f"vqvae.decoder.up.{level}.upsample.conv")
        x = self.conv(F.silu(self.group_norm(x, "vqvae.decoder.norm_out")), "vqvae.decoder.conv_out")
        classes = self.w["vqvae.class_embeds.weight"]
        return x.permute(0, 2, 3, 1).unflatten(-1, (-1, classes.shape[1])) @ classes.T

    def occupancy(self, cache, crops):
        """crops [(x, y, side)] in voxels, of one size -> logits [B, side, side, depth, classes]."""
        table = self.w["occupancy.queries.weight"]
        grid = math.isqrt(len(table))
        voxels = self.own["vqvae"]["height"] // grid
        table = table.view(grid, grid, -1)
        side = crops[0][2] // voxels
        h = torch.stack([table[x // voxels:x // voxels + side, y // voxels:y // voxels + side].flatten(0, 1)
                         for x, y, _ in crops])
        h = self.queries(h * math.sqrt(h.shape[-1]), cache, cache[0][0].shape[2])
        z = self.linear(h, "occupancy.projector").transpose(1, 2).unflatten(2, (side, side))
        return self.decode(F.pixel_shuffle(z, math.isqrt(z.shape[1] // self.own["vqvae"]["latent"])))

    # Losses ------------------------------------------------------------------------------------------

    def packed_hidden(self, examples, p, cache):
        """What predicts the answers' tokens, question by question, over one image prefill a frame."""
        length = max(sum(len(a) + len(b) - 1 for a, b in example["questions"]) for example in examples)
        ids, positions = (torch.zeros(len(examples), length, dtype=torch.long) for _ in range(2))
        seen = torch.zeros(len(examples), length, p + length, dtype=torch.bool)
        seen[:, :, :p] = True
        answers = []
        for row, example in enumerate(examples):
            at = 0
            for prefix, suffix in example["questions"]:
                whole = torch.cat([prefix, suffix[:-1]])
                end, head = at + len(whole), at + len(prefix)
                ids[row, at:end], positions[row, at:end] = whole, p + torch.arange(len(whole))
                seen[row, at:end, p + at:p + end] = torch.ones(len(whole), len(whole), dtype=torch.bool).tril()
                seen[row, at:head, p + at:p + head] = True
                answers.append(row * length + torch.arange(head - 1, end))
                at = end
        h = self.embed(ids)
        bias = torch.zeros(seen.shape, dtype=h.dtype).masked_fill(~seen, -math.inf)
        return self.packed(h, cache, bias, positions).flatten(0, 1)[torch.cat(answers)]

    def separate_hidden(self, examples, embedded):
        """The same by a sequence a question, images first, padded."""
        asked = [question for example in examples for question in example["questions"]]
        p, length = embedded.shape[1], max(len(a) + len(b) for a, b in asked) - 1
        ids = torch.zeros(len(asked), length, dtype=torch.long)
        seen = torch.zeros(len(asked), p + length, p + length, dtype=torch.bool)
        seen[:, :, :p] = True
        seen[:, p:, p:] = torch.ones(length, length, dtype=torch.bool).tril()
        for row, (prefix, suffix) in enumerate(asked):
            ids[row, :len(prefix) + len(suffix) - 1] = torch.cat([prefix, suffix[:-1]])
            seen[row, p:p + len(prefix), p:p + len(prefix)] = True
            if self.own.get("mask") == "paligemma":
                seen[row, :p, p:p + len(prefix)] = True
        frame_of = torch.tensor([i for i, example in enumerate(examples) for _ in example["questions"]])
        h = torch.cat([embedded[frame_of], self.embed(ids)], 1)
        h = self.whole(h, torch.zeros(seen.shape, dtype=h.dtype).masked_fill(~seen, -math.inf))[:, p:]
        return torch.cat([h[row, len(a) - 1:len(a) + len(b) - 1] for row, (a, b) in enumerate(asked)])

    def text_loss(self, examples, embedded, cache):
        """Mean over frames of the mean over questions of the mean over answer tokens. Without a cache each
        question is a sequence of its own."""
        if cache is None:
            hidden = self.separate_hidden(examples, embedded)
        else:
            hidden = self.packed_hidden(examples, embedded.shape[1], cache)
        logits = hidden @ self.w[LANGUAGE + "embed_tokens.weight"].T
        cap = self.own.get("final_softcap", 0)
        if cap:
            logits = cap * torch.tanh(logits / cap)
        targets, weights = [], []
        for example in examples:
            for _, suffix in example["questions"]:
                targets.append(suffix)
                share = 1 / (len(suffix) * len(example["questions"]) * len(examples))
                weights.append(torch.full((len(suffix),), share, dtype=logits.dtype))
        return F.cross_entropy(logits, torch.cat(targets), reduction="none") @ torch.cat(weights)

    def occupancy_loss(self, examples, cache, loss):
        """Mean over frames of cross-entropy and Lovasz-softmax over the voxels that the cameras see."""
        crops = [tuple(example["crop"].tolist()) for example in examples]
        logits = self.occupancy(cache, crops)
        losses = []
        for example, (x, y, side), scores in zip(examples, crops, logits):
            part = slice(x, x + side), slice(y, y + side)
            counts = example["mask_camera"][part].bool()
            scores, labels = scores[counts], example["occupancy"][part][counts].long()
            if not len(labels):  # The cameras see nothing of this square.
                losses.append(scores.sum())
                continue
            value = loss["cross_entropy"] * F.cross_entropy(scores, labels)
            if loss["lovasz"]:
                value = value + loss["lovasz"] * lovasz_softmax(scores.softmax(-1), labels)
            losses.append(value)
        return torch.stack(losses).mean()

    def losses(self, examples, loss, shared=True):
        """{"text": ..., "occupancy": ...} of a step; `loss` = {lambda, cross_entropy, lovasz}. `shared`:
        all questions of a frame over one image prefill."""
        dtype = self.w[LANGUAGE + "embed_tokens.weight"].dtype
        embedded = self.images(torch.stack([example["pixel_values"] for example in examples]).to(dtype))
        wants = loss.get("lambda", 0) > 0
        cache = self.prefill(embedded) if shared or wants else None
        parts = {}
        if wants:
            parts["occupancy"] = loss["lambda"] * self.occupancy_loss(examples, cache, loss)
        parts["text"] = self.text_loss(examples, embedded, cache if shared else None)
        return parts


def learning_rate(options, step):
    """Warm-up to the highest, then a cosine down to `final_rate` of it at the last step."""
    if step < options["warmup"]:
        return options["learning_rate"] * (step + 1) / options["warmup"]
    span = max(1, options["steps"] - 1 - options["warmup"])
    done = min(1.0, (step - options["warmup"]) / span)
    low = options["final_rate"]
    return options["learning_rate"] * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done)))


class Optimizer:
    """torch.optim.AdamW: decay on matrices alone, the norm of all gradients clipped, that schedule."""

    def __init__(self, named, options):
        """named {name: tensor}."""
        self.options, self.step, self.tensors = options, 0, list(named.values())
        groups = [{"params": [t for t in self.tensors if t.dim() > 1], "weight_decay": options["weight_decay"]},
                  {"params": [t for t in self.tensors if t.dim() <= 1], "weight_decay": 0.0}]
        self.adamw = torch.optim.AdamW([g for g in groups if g["params"]], betas=(options["beta1"], options["beta2"]),
                                       eps=options["epsilon"], fused=options.get("fused", True))

    def move(self, loss):
        """Backward, clip, step; gives the norm before clipping."""
        self.adamw.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.tensors, self.options["clip"] or math.inf)
        for group in self.adamw.param_groups:
            group["lr"] = learning_rate(self.options, self.step)
        self.adamw.step()
        self.step += 1
        return norm.item()
