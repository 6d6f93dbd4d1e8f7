#!/usr/bin/env python3
"""Times Hugging Face transformers on a checkpoint folder, for `occvla bench model --peer`.

    paligemma_hf.py --checkpoint DIR [--images 6] [--prompt-tokens 40] [--new-tokens 32] [--threads 2]
                    [--repeats 2] [--json]

DIR is a PaliGemma 2 folder in Hugging Face's layout; tensors that transformers does not know (adapters,
occupancy, planner) are left aside. The peer runs at its best here: bfloat16, scaled_dot_product_attention
(which leaves Gemma 2's soft cap out), weights used where the mapped file has them, a key-value cache,
logits of the last position only, one untimed pass first. Pixels are fixed random numbers, the prompt fixed
ids, and exactly --new-tokens tokens are made.
"""

import argparse
import contextlib
import glob
import json
import os
import re
import statistics
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", required=True, help="folder in Hugging Face's layout")
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--prompt-tokens", type=int, default=40)
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2, help="runs of vision and prefill; the median counts")
    parser.add_argument("--json", action="store_true", help="JSON instead of lines")
    return parser.parse_args()


OPTIONS = arguments()
for library in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[library] = str(OPTIONS.threads)

import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors import safe_open  # noqa: E402
from transformers import DynamicCache, PaliGemmaConfig, PaliGemmaForConditionalGeneration  # noqa: E402
from transformers.models.gemma2.modeling_gemma2 import Gemma2RotaryEmbedding  # noqa: E402

# From any of the namings on disk to the one in memory.
RULES = [(r"^(vision_tower|multi_modal_projector)\.", r"model.\1."),
         (r"^language_model\.model\.", "model.language_model."), (r"^language_model\.lm_head\.", "lm_head."),
         (r"^model\.vision_tower\.(?!vision_model\.)", "model.vision_tower.vision_model.")]


def load(folder):
    """The model with its parameters lying in the mapped files; nothing is copied but other types."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        values = json.load(file)
    values.pop("occvla", None)
    config = PaliGemmaConfig(**values)
    config.vision_config.vision_use_head = False
    config._attn_implementation = "sdpa"
    for part in (config.text_config, config.vision_config):
        part._attn_implementation = "sdpa"
        part.dtype = torch.bfloat16
    with torch.device("meta"):
        model = PaliGemmaForConditionalGeneration(config)
    known = set(model.state_dict())
    weights = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():
                target = name
                for pattern, replacement in RULES:
                    target = re.sub(pattern, replacement, target)
                if target in known:
                    weights[target] = file.get_tensor(name).to(torch.bfloat16)
    weights.setdefault("lm_head.weight", weights["model.language_model.embed_tokens.weight"])
    model.load_state_dict(weights, strict=True, assign=True)
    model.tie_weights()
    # Buffers that no file holds were left on the meta device.
    language = model.model.language_model
    language.rotary_emb = Gemma2RotaryEmbedding(config.text_config)
    embeddings = model.model.vision_tower.vision_model.embeddings
    embeddings.position_ids = torch.arange(embeddings.num_positions).expand((1, -1))
    left = [name for name, t in [*model.named_parameters(), *model.named_buffers()] if t.is_meta]
    if left:
        raise SystemExit(f"{folder}: no values for {', '.join(left)}")
    return model.eval()


@contextlib.contextmanager
def timed(milliseconds):
    start = time.perf_counter()
    yield
    milliseconds.append((time.perf_counter() - start) * 1e3)


def prefill(model, pixels, ids):
    cache = DynamicCache(config=model.config.text_config)
    out = model(input_ids=ids, pixel_values=pixels, attention_mask=torch.ones_like(ids), use_cache=True,
                past_key_values=cache, logits_to_keep=1)
    return out.logits[:, -1].argmax(-1, keepdim=True), cache


def decode(model, token, cache, count, milliseconds):
    """`count` tokens in all, the first of which the prefill gave."""
    tokens = [token.item()]
    while len(tokens) < count:
        length = cache.get_seq_length()
        with timed(milliseconds):
            out = model(input_ids=token, use_cache=True, past_key_values=cache, logits_to_keep=1,
                        attention_mask=torch.ones(1, length + 1, dtype=torch.long),
                        cache_position=torch.tensor([length]))
            token = out.logits[:, -1].argmax(-1, keepdim=True)
        tokens.append(token.item())
    return tokens


def peak_memory_bytes():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


@torch.inference_mode()
def measure():
    torch.set_num_threads(OPTIONS.threads)
    loading, vision, whole, tokens = [], [], [], []
    with timed(loading):
        model = load(OPTIONS.checkpoint)
    config = model.config
    side = config.vision_config.image_size
    per_image = (side // config.vision_config.patch_size) ** 2
    random = torch.Generator().manual_seed(0)
    pixels = (torch.rand(OPTIONS.images, 3, side, side, generator=random) * 2 - 1).to(torch.bfloat16)
    vocabulary = min(config.text_config.vocab_size - 1, 256000)
    prompt = torch.randint(109, vocabulary, (OPTIONS.prompt_tokens,), generator=random)
    prompt[0], prompt[-1] = 2, 108

    def ids(images):
        return torch.cat([torch.full((images * per_image,), config.image_token_id), prompt])[None]

    # Untimed: every weight is touched once, every kernel chosen.
    token, cache = prefill(model, pixels[:1], ids(1))
    decode(model, token, cache, 3, [])
    for _ in range(OPTIONS.repeats):
        with timed(vision):
            model.model.get_image_features(pixels)
        with timed(whole):
            token, cache = prefill(model, pixels, ids(OPTIONS.images))
    made = decode(model, token, cache, OPTIONS.new_tokens, tokens)
    vision_ms, whole_ms = statistics.median(vision), statistics.median(whole)
    return {
        "transformers": transformers.__version__, "torch": torch.__version__,
        "attention": "sdpa, without the soft cap", "dtype": "bfloat16", "threads": torch.get_num_threads(),
        "images": OPTIONS.images, "image_tokens": OPTIONS.images * per_image,
        "prompt_tokens": OPTIONS.prompt_tokens, "new_tokens": len(made), "open_ms": loading[0],
        "vision_ms": vision_ms, "prefill_ms": whole_ms - vision_ms, "prefill_with_vision_ms": whole_ms,
        "token_ms": statistics.median(tokens) if tokens else None, "peak_memory_bytes": peak_memory_bytes()}


def main():
    transformers.utils.logging.set_verbosity_error()
    result = measure()
    if OPTIONS.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:24} {value:.1f}" if isinstance(value, float) else f"{name:24} {value}")


if __name__ == "__main__":
    main()
