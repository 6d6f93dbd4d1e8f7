"""Makes small PaliGemma 2 checkpoints, and writes them under every naming that is in use."""

import copy
import json
import os
import re

import torch
from check import write_json
from safetensors.torch import save_file

BOS, NEWLINE = 2, 108

BASE_TEXT = dict(vocab_size=500, hidden_size=64, intermediate_size=160, num_hidden_layers=2,
                 num_attention_heads=4, num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=16,
                 sliding_window=4096, rms_norm_eps=1e-6, rope_theta=10000.0, attn_logit_softcapping=50.0,
                 final_logit_softcapping=30.0, max_position_embeddings=8192)
BASE_VISION = dict(hidden_size=32, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4,
                   image_size=28, patch_size=14)
# name: (changes to the text part, to the vision part)
SHAPES = {
    "plain": ({}, {}),
    # sqrt(96) is irrational; the scale is not the head's size; one key head for four.
    "irrational": (dict(hidden_size=96, num_hidden_layers=3, num_key_value_heads=1, head_dim=32,
                        query_pre_attn_scalar=20, intermediate_size=200),
                   dict(hidden_size=48, num_attention_heads=4, image_size=42, num_hidden_layers=3)),
    # heads * head size is twice the width; eight heads; a window just wide enough.
    "wide": (dict(num_attention_heads=8, num_key_value_heads=4, num_hidden_layers=4, sliding_window=128,
                  query_pre_attn_scalar=8),
             dict(image_size=56, num_attention_heads=2, hidden_size=40)),
    # Gemma's own head size, which transformers leaves out of the file.
    "default-head": (dict(head_dim=256, query_pre_attn_scalar=256, num_attention_heads=2,
                          num_key_value_heads=1, hidden_size=48),
                     dict(hidden_size=24, num_attention_heads=2, intermediate_size=50)),
    # Another rotary base, epsilon and cap.
    "other-constants": (dict(rope_theta=500.0, rms_norm_eps=1e-5, attn_logit_softcapping=2.0),
                        dict(layer_norm_eps=1e-5)),
    # 24 image tokens of six images alone fill the window.
    "narrow-window": (dict(sliding_window=20, num_hidden_layers=4), {}),
}


def configuration(shape):
    """transformers' PaliGemmaConfig of a shape."""
    from transformers import PaliGemmaConfig
    text, vision = SHAPES[shape]
    text, vision = dict(BASE_TEXT, **text), dict(BASE_VISION, **vision)
    width = text["hidden_size"]
    text = dict(text, model_type="gemma2", hidden_activation="gelu_pytorch_tanh",
                hidden_act="gelu_pytorch_tanh", use_cache=True)
    vision = dict(vision, model_type="siglip_vision_model", vision_use_head=False, projection_dim=width)
    return PaliGemmaConfig(text_config=text, vision_config=vision, projection_dim=width, hidden_size=width,
                           image_token_index=text["vocab_size"] - 1, vocab_size=text["vocab_size"],
                           bos_token_id=BOS, eos_token_id=1, pad_token_id=0)


def build(config, seed, scale=1.0, attention=1.0, dtype=torch.float32):
    """A transformers model with every weight random, also norms and biases, which its own start leaves
    at 0 and 1; rounded to `dtype`, held in float32. `scale` goes on all matrices, `attention` on q and k."""
    from transformers import PaliGemmaForConditionalGeneration
    config = copy.deepcopy(config)
    config._attn_implementation = "eager"
    for part in (config.text_config, config.vision_config):
        part._attn_implementation = "eager"
        part.dtype = torch.float32
    model = PaliGemmaForConditionalGeneration(config).eval()
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=random)
            if "position_embedding" in name:
                value = 0.3 * noise
            elif "embed_tokens" in name:
                value = noise * (0.12 * min(scale, 1.0))
            elif name.endswith("bias"):
                value = 0.1 * scale * noise
            elif "vision_tower" in name and p.dim() == 1:
                value = 1 + 0.2 * noise
            elif p.dim() == 1:
                value = 0.2 * noise
            else:
                value = scale * noise / p[0].numel() ** 0.5
                if re.search(r"language_model.*\.[qk]_proj", name):
                    value = value * attention
            p.copy_(value.to(dtype).float())
    return model


def disk_names(model):
    """Weights under the names that transformers 4.51 to 5.0 write to disk, without lm_head."""
    names = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        name = name.replace("model.language_model.", "language_model.model.", 1)
        name = re.sub(r"^model\.(vision_tower|multi_modal_projector)\.", r"\1.", name)
        names[name] = tensor.detach().clone()
    return names


# How the tensors' names and the configuration differ between the writers. Each: (rules on disk names,
# name of lm_head, kind of configuration).
NAMINGS = {
    "old": ([], "language_model.lm_head.weight", "hub"),
    "memory": ([(r"^language_model\.model\.", "model.language_model."),
                (r"^(vision_tower|multi_modal_projector)\.", r"model.\1.")], "lm_head.weight", "4.57"),
    "five": ([(r"^vision_tower\.vision_model\.", "vision_tower.")],
             "language_model.lm_head.weight", "5"),
    "five-memory": ([(r"^vision_tower\.vision_model\.", "model.vision_tower."),
                     (r"^multi_modal_projector\.", "model.multi_modal_projector."),
                     (r"^language_model\.model\.", "model.language_model.")], "lm_head.weight", "5"),
}


def config_json(config, kind, dtype):
    """config.json as the hub's files have it ("hub": only what differs from the defaults), as 4.57 writes
    it, or as 5 does (`rope_parameters`)."""
    name = str(dtype).removeprefix("torch.")
    if kind == "hub":
        value = config.to_diff_dict()
        from transformers import Gemma2Config, SiglipVisionConfig
        for part, default in (("text_config", Gemma2Config()), ("vision_config", SiglipVisionConfig())):
            defaults = default.to_dict()
            keep = ("model_type", "hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size",
                    "intermediate_size", "num_key_value_heads", "patch_size", "projection_dim",
                    "vision_use_head")
            full = getattr(config, part).to_dict()
            value[part] = {k: v for k, v in full.items()
                           if k in keep or (k in defaults and defaults[k] != v)}
            for gone in ("layer_types", "_attn_implementation_autoset", "dtype", "transformers_version"):
                value[part].pop(gone, None)
            value[part]["torch_dtype"] = name
        value["vision_config"]["num_image_tokens"] = (
            config.vision_config.image_size // config.vision_config.patch_size) ** 2
        value.pop("dtype", None)
        value.update(torch_dtype=name, transformers_version="4.45.0.dev0")
    else:
        value = json.loads(config.to_json_string(use_diff=False))
        for part in (value, value["text_config"], value["vision_config"]):
            part.pop("torch_dtype", None)
            part["dtype"] = name
        value["transformers_version"] = "4.57.1" if kind == "4.57" else "5.0.0"
        if kind == "5":
            text = value["text_config"]
            text["rope_parameters"] = {"rope_theta": text.pop("rope_theta"), "rope_type": "default"}
            text.pop("rope_scaling", None)
    value["model_type"] = "paligemma"
    value["architectures"] = ["PaliGemmaForConditionalGeneration"]
    return value


def write(folder, model, *, naming="old", dtype=torch.float32, lm_head=False, shards=1):
    """A checkpoint folder; gives the weights under their disk names, in float32."""
    os.makedirs(folder, exist_ok=True)
    weights = disk_names(model)
    rules, head, kind = NAMINGS[naming]
    written = {}
    for name, tensor in weights.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        written[name] = tensor.to(dtype).contiguous()
    if lm_head:
        written[head] = weights["language_model.model.embed_tokens.weight"].to(dtype).clone()
    if shards == 1:
        save_file(written, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    else:
        names, weight_map = sorted(written), {}
        for i in range(shards):
            file = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
            part = names[i::shards]
            save_file({n: written[n] for n in part}, os.path.join(folder, file), metadata={"format": "pt"})
            weight_map.update(dict.fromkeys(part, file))
        total = sum(t.numel() * t.element_size() for t in written.values())
        write_json(os.path.join(folder, "model.safetensors.index.json"),
                   {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))})
    write_json(os.path.join(folder, "config.json"), config_json(model.config, kind, dtype))
    return weights
