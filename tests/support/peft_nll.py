"""Mean NLL of token ids under base models with adapters, as transformers and PEFT compute it.

Usage: peft_nll.py JSON    a list of {"model": folder, "adapter": folder, "rows": ids}; prints a list, in nats
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)


def mean_nll(model, rows):
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([row])
            logits = model(ids).logits[0, :-1].double()
            total += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
            count += len(row) - 1
    return total / count


if __name__ == "__main__":
    results = []
    for case in json.loads(sys.argv[1]):
        base = AutoModelForCausalLM.from_pretrained(case["model"], dtype=torch.float32)
        results.append(mean_nll(PeftModel.from_pretrained(base, case["adapter"]).eval(), case["rows"]))
    print(json.dumps(results))
