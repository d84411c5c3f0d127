"""The same greedy generation as bench/greedy.ts by PyTorch and transformers: takes the same options, prints the same JSON line."""
import argparse, json, time

parser = argparse.ArgumentParser()
parser.add_argument("folder")
for name, default in dict(batch=1, prompt=128, tokens=128, threads=2, runs=3).items():
    parser.add_argument("--" + name, type=int, default=default)
parser.add_argument("--device", choices=["cpu"], default="cpu")
args = parser.parse_args()

import torch, transformers

torch.set_num_threads(args.threads)
model = transformers.LlamaForCausalLM.from_pretrained(args.folder, dtype=torch.float32).eval()
prompts = torch.tensor([[(n * 7919 + row * 104_729 + 13) % model.config.vocab_size for n in range(args.prompt)]
                        for row in range(args.batch)])
mask = torch.ones_like(prompts)
first = whole = float("inf")


def timed(tokens):
    started = time.perf_counter()
    out = model.generate(input_ids=prompts, attention_mask=mask, do_sample=False, max_new_tokens=tokens)
    return time.perf_counter() - started, out[:, args.prompt:].tolist()


with torch.inference_mode():
    for run in range(1 + args.runs):
        one, _ = timed(1)
        all_, ids = timed(args.tokens)
        if run > 0:
            first, whole = min(first, one), min(whole, all_)
print(json.dumps(dict(prefill_per_s=args.batch * args.prompt / first,
                      decode_per_s=args.batch * (args.tokens - 1) / (whole - first), ids=ids)))
