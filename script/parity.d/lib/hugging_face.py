"""What transformers computes, as the reference; and the same with a deliberate mistake, to see it caught."""

import contextlib
import math

import torch
from reference import visible

MUTATIONS = ("nocap", "causal", "interleaved", "noplus1")


def _rotate_neighbours(q, k, cos, sin, position_ids=None, unsqueeze_dim=1):
    """Rotary on neighbouring pairs instead of halves."""
    half = cos.shape[-1] // 2
    cos, sin = (x.unsqueeze(unsqueeze_dim)[..., :half] for x in (cos, sin))

    def turn(x):
        first, second = x[..., 0::2], x[..., 1::2]
        return torch.stack([first * cos - second * sin, second * cos + first * sin], -1).flatten(-2)

    return turn(q), turn(k)


def _norm_without_one(self, x):
    return (self._norm(x.float()) * self.weight.float()).type_as(x)


@contextlib.contextmanager
def mutated(model, mutation):
    """transformers with one of MUTATIONS inside ("causal" is made in `_mask`)."""
    from transformers.models.gemma2 import modeling_gemma2 as gemma
    keep = gemma.apply_rotary_pos_emb, gemma.Gemma2RMSNorm.forward
    attentions = [layer.self_attn for layer in model.model.language_model.layers]
    caps = [a.attn_logit_softcapping for a in attentions]
    try:
        if mutation == "interleaved":
            gemma.apply_rotary_pos_emb = _rotate_neighbours
        elif mutation == "noplus1":
            gemma.Gemma2RMSNorm.forward = _norm_without_one
        elif mutation == "nocap":
            for a in attentions:
                a.attn_logit_softcapping = None
        yield
    finally:
        gemma.apply_rotary_pos_emb, gemma.Gemma2RMSNorm.forward = keep
        for a, cap in zip(attentions, caps):
            a.attn_logit_softcapping = cap


@contextlib.contextmanager
def in_double(model):
    """transformers wholly in float64: its own norms, softmaxes and rotary angles step down to float32."""
    from transformers.models.gemma2 import modeling_gemma2 as gemma
    from transformers.models.siglip import modeling_siglip as siglip
    keep = gemma.Gemma2RMSNorm.forward, gemma.Gemma2RotaryEmbedding.forward, torch.nn.functional.softmax
    attention = gemma.eager_attention_forward, siglip.eager_attention_forward

    def norm(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * (1.0 + self.weight)

    def angles(self, x, position_ids):
        size = self.inv_freq.numel() * 2
        frequency = self.config.rope_theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        turn = position_ids[0, :, None].double() * frequency
        turn = torch.cat([turn, turn], -1)[None]
        return turn.cos(), turn.sin()

    def softmax(x, dim=None, dtype=None, **_):
        return torch.softmax(x, dim)

    model.double()
    try:
        gemma.Gemma2RMSNorm.forward, gemma.Gemma2RotaryEmbedding.forward = norm, angles
        torch.nn.functional.softmax = softmax
        yield
    finally:
        gemma.Gemma2RMSNorm.forward, gemma.Gemma2RotaryEmbedding.forward = keep[:2]
        torch.nn.functional.softmax = keep[2]
        assert attention == (gemma.eager_attention_forward, siglip.eager_attention_forward)
        model.float()


def _mask(images, prefix, suffix, mode, dtype, mutation=None):
    seen = visible(images, prefix, suffix, mode)
    if mutation == "causal":
        seen = torch.ones_like(seen).tril()
    return torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)[None, None]


@torch.no_grad()
def run(model, pixels, prefix, suffix, mode="paligemma", *, cap=0.0, new_tokens=0, mutation=None):
    """The quantities of `dump model` from transformers, in the type of the model's weights.

    With mode "paligemma" the mask is transformers' own: token types 0 for images and prefix, 1 for the
    suffix, and labels, without which 4.57 lets every token see every other. Mode "occvla" and the causal
    mistake hand it a mask of four dimensions, which it takes as it is.
    """
    dtype = model.lm_head.weight.dtype
    pixels = pixels.to(dtype)
    per_image = (model.config.vision_config.image_size // model.config.vision_config.patch_size) ** 2
    images = len(pixels) * per_image
    image_ids = torch.full((images,), model.config.image_token_index)

    def forward(ids, tail):
        """ids: prefix and what follows, of which the last `tail` are causal -> (hidden, logits, loss)."""
        everything = torch.cat([image_ids, ids])[None]
        head = len(everything[0]) - tail
        arguments = {}
        if mode == "paligemma" and mutation != "causal":
            types = torch.zeros_like(everything)
            types[:, head:] = 1
            labels = everything.masked_fill(types == 0, -100)
            arguments = dict(attention_mask=torch.ones_like(everything), token_type_ids=types, labels=labels)
        else:
            arguments = dict(attention_mask=_mask(images, len(ids) - tail, tail, mode, dtype, mutation))
        out = model(input_ids=everything, pixel_values=pixels, use_cache=False, output_hidden_states=True,
                    **arguments)
        return out.hidden_states[-1][0], out.logits[0], out.loss

    def capped(z):
        return cap * torch.tanh(z / cap) if cap else z

    with mutated(model, mutation):
        seen = model.model.vision_tower(pixels).last_hidden_state
        features = model.model.multi_modal_projector(seen)  # Before transformers divides by sqrt(D).
        divided = model.model.get_image_features(pixels)
        hidden, logits, loss = forward(torch.cat([prefix, suffix]), len(suffix))
        tokens, margin = prefix, math.inf
        for _ in range(new_tokens):
            best = forward(tokens, len(tokens) - len(prefix))[1][-1].topk(2)
            margin = min(margin, (best.values[0] - best.values[1]).item())
            tokens = torch.cat([tokens, best.indices[:1]])
    return {"vision": seen, "image_features": features, "image_features_divided": divided,
            "hidden": hidden, "logits": capped(logits[images:]), "loss": loss,
            "generated": tokens[len(prefix):], "margin": margin}


@torch.no_grad()
def windowed_hidden(model, pixels, ids, seen, window):
    """Its language model with one mask a kind of layer: `seen` [L, L], and what the window leaves of it."""
    dtype = model.lm_head.weight.dtype
    features = model.model.get_image_features(pixels.to(dtype)).flatten(0, 1)
    embedded = torch.cat([features, model.get_input_embeddings()(ids)])[None]
    at = torch.arange(len(seen))
    near = seen & (at[None, :] > at[:, None] - window)
    lowest = torch.finfo(dtype).min
    masks = [torch.zeros(seen.shape, dtype=dtype).masked_fill(~m, lowest)[None, None] for m in (seen, near)]
    return model.model.language_model(
        inputs_embeds=embedded, use_cache=False, position_ids=at[None],
        attention_mask={"full_attention": masks[0], "sliding_attention": masks[1]}).last_hidden_state[0]


@torch.no_grad()
def batch_loss(model, pixels, examples):
    """transformers' loss over several examples in one batch, padded on the right: [(prefix, suffix)]."""
    per_image = (model.config.vision_config.image_size // model.config.vision_config.patch_size) ** 2
    images = torch.full((len(pixels) * per_image,), model.config.image_token_index)
    length = max(len(p) + len(s) for p, s in examples) + len(images)
    ids, types, seen = (torch.zeros(len(examples), length, dtype=torch.long) for _ in range(3))
    for row, (prefix, suffix) in enumerate(examples):
        whole = torch.cat([images, prefix, suffix])
        ids[row, :len(whole)], seen[row, :len(whole)] = whole, 1
        types[row, len(images) + len(prefix):] = 1
    labels = ids.masked_fill((types == 0) | (seen == 0), -100)
    return model(input_ids=ids, pixel_values=pixels.repeat(len(examples), 1, 1, 1), attention_mask=seen,
                 token_type_ids=types, labels=labels, use_cache=False).loss.item()
