"""Token ids of `occvla tokenize` against Hugging Face tokenizers. Started by ./tokenizer; ends with 1 on a difference."""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys

import sentencepiece
import tokenizers
from transformers.convert_slow_tokenizer import GemmaConverter

# facts/model.md A.9.
VECTORS = {
    "Where is the cow standing?": [10936, 563, 506, 10405, 8101, 236881],
    "speed 12.50 m/s": [11243, 236743, 236770, 236778, 236761, 236810, 236771, 520, 236786, 236751],
    "line1\n\nline2\n": [1257, 236770, 108, 1257, 236778, 107],
    "Meta action: Decelerate, Turn Left": [24066, 2970, 236787, 3901, 5248, 606, 236764, 14132, 28612],
}

STRINGS = list(VECTORS) + [
    "", "a", " ", "  ", "   a", " a  b   c ", "x" + " " * 33 + "y", " " * 40, "\t", "\t\t\ta", " \t \t", "\n", "\n\n",
    "\n" * 60, "a\nb\n\nc", "\n \n", "\r\n\r\n", "\u2581", "\u2581\u2581", "\u2581 \u2581", "a\u2581b", "\u2581a \u2581",
    "<bos>", "<eos>hi<bos>", "<start_of_turn>user\nhi<end_of_turn>", "<image>", "<image_soft_token>", "<pad", "< eos>",
    "<eos", "<<eos>>", "<unused12>", "<unused99999>", "<b>bold</b>", "<table><tr><td></td>", "<0x41>", "<0x0A>", "<0xZZ>",
    "<loc0512><seg003>", "\u6f22\u5b57\u304b\u306a\u4ea4\u5dee\u70b9", "\ud55c\uad6d\uc5b4", "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u0645\u0631\u062d\u0628\u0627 \u200f\u200e", "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466", "\U0001F3F3\uFE0F\u200D\U0001F308", "\U0001F1E8\U0001F1ED\U0001F1E8",
    "\U0001F44D\U0001F3FD!", "e\u0301 \u00e9 a\u0300\u0323\u0316", "Z\u0351\u036b\u0343a\u0329\u032blgo", "\u0915\u094d\u0937\u093f", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "1234567890", "-3.14159e+00", "0000000", "\u0663\u0664\u0665", "\u2460\u00bd\u00b2", "\u03a9\u2248\u00e7\u221a\u222b", "\u00a0\u2003\u3000", "\ufffd", "\ufeffbom", "\U0010ffff",
    "\U00013080\U00013081", "\x01\x02\x7f\x85", "caf\u00e9 na\u00efve \u00dfe", "\ufb01\ufb02 \uff21\uff22", "McDonald's don't I'M", "camelCaseIDs snake_case",
    "a" * 5000, "ab" * 3000, "=" * 777, "the " * 500, "\U0001F697" * 300, "\u2581" * 999, "<" * 100 + ">" * 100, "--text", "-5", "'\"`$(x)\\n",
    "Scene: A car is parked.\nIntent: Keep going.\nMeta action: Maintain speed, Go Straight",
    "Past meta actions: Accelerate, Turn Left; Decelerate, Stop. Predict the next meta action.",
    "What is the status of the car that is to the front left of the bus?",
]

CORPUS = [
    "The ego car turns left at the intersection because the light is green.",
    "Scene: a truck is parked to the right of the road.",
    "How many moving pedestrians are there to the back left of me?",
    "caf\u00e9 na\u00efve \u00fcber stra\u00dfe", "\u8eca \u4eba \u4fe1\u53f7 \u8eca", "12.50 m/s at 3 o'clock, -7 degrees",
    "Meta action: Decelerate, Change Lane Left", "aa aaa aaaa aaaaa ab abab ababab", "hello <b>world</b> html",
]


def train_sentencepiece(folder, vocabulary_size, with_tab):
    """A sentencepiece model with Gemma's settings, and Hugging Face's conversion of it."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["<start_of_turn>", "<end_of_turn>"] + ["\n" * n for n in range(1, 9)]
    words += ["\u2581" * n for n in range(2, 9)] + ["<b>", "</b>", "<table>", "<unused12>"]
    if with_tab:
        words += ["\t" * n for n in range(1, 5)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 3), model_prefix=str(folder / "tokenizer"), model_type="bpe",
        vocab_size=vocabulary_size, byte_fallback=True, split_digits=True, allow_whitespace_only_pieces=True,
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
        user_defined_symbols=words, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>",
        bos_piece="<bos>", unk_piece="<unk>", hard_vocab_limit=False, num_threads=1, minloglevel=2)
    (folder / "tokenizer.vocab").unlink()

    class Slow:
        vocab_file = str(folder / "tokenizer.model")
        pad_token, eos_token, bos_token = "<pad>", "<eos>", "<bos>"
        add_prefix_space = False

    converter = GemmaConverter(Slow())
    converted = converter.converted()
    converted.add_special_tokens(["<unk>"])  # As the tokenizer's class does.
    return converted


def ids_of(program, folder, text):
    run = subprocess.run([program, "tokenize", "--tokenizer", str(folder)] + (["--text=" + text] if text else ["--text", ""]),
                         capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{program} tokenize ended with {run.returncode} for {text[:80]!r} in {folder}:\n{run.stderr}")
    return [int(word) for word in run.stdout.split()]


def compare(program, folder, reference, name):
    # Control words in a text are text: that is what this switch means there.
    reference.encode_special_tokens = True
    bad = 0
    for text in STRINGS:
        want = reference.encode(text, add_special_tokens=False).ids
        got = ids_of(program, folder, text)
        if got != want:
            bad += 1
            print(f"{name}: {text[:80]!r}\n  want {want[:40]}\n  got  {got[:40]}")
    print(f"{name}: {len(STRINGS) - bad} of {len(STRINGS)} strings have the same ids")
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--gemma3", type=pathlib.Path, help="folder with Gemma 3's tokenizer.json")
    arguments = parser.parse_args()
    program, work = arguments.program, arguments.work
    bad, skipped, total = 0, 0, len(VECTORS) + 8 * len(STRINGS)
    if arguments.gemma3 is None:
        skipped = len(VECTORS) + len(STRINGS)
        print("gemma3: skipped, npm is not installed and Gemma 3's tokenizer.json comes as an npm package")
    else:
        for text, want in VECTORS.items():
            got = ids_of(program, arguments.gemma3, text)
            bad += got != want
            if got != want:
                print(f"facts: {text!r}\n  want {want}\n  got  {got}")
        reference = tokenizers.Tokenizer.from_file(str(arguments.gemma3 / "tokenizer.json"))
        bad += compare(program, arguments.gemma3, reference, "gemma3")

    small = work / "tiny-checkpoint"
    shutil.rmtree(small, ignore_errors=True)
    subprocess.run([program, "init", "--preset", "tiny", "--seed", "1", "--out", str(small)], check=True,
                   stdout=subprocess.DEVNULL)
    bad += compare(program, small, tokenizers.Tokenizer.from_file(str(small / "tokenizer.json")), "small")

    for name, size, with_tab in (("with-tab", 640, True), ("without-tab", 600, False)):
        model = work / f"sentencepiece-{name}"
        converted = train_sentencepiece(model, size, with_tab)
        (model / "tokenizer.json").unlink(missing_ok=True)
        bad += compare(program, model, converted, f"tokenizer.model {name}")
        as_json = work / f"converted-{name}"
        as_json.mkdir(exist_ok=True)
        converted.save(str(as_json / "tokenizer.json"))
        bad += compare(program, as_json, converted, f"its tokenizer.json {name}")
        # Files before 2024 write a merge as one string.
        document = json.loads((as_json / "tokenizer.json").read_text(encoding="utf-8"))
        document["model"]["merges"] = [" ".join(merge) for merge in document["model"]["merges"]]
        (as_json / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
        bad += compare(program, as_json, converted, f"its tokenizer.json {name}, merges as strings")
    print(f"{total - bad - skipped} passed, {bad} failed, {skipped} skipped")
    sys.exit(1 if bad else 0)


main()
