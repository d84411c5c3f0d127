"""Make adapters with PEFT and print the mean NLL of token ids under each.

Usage: peft_adapter.py MODEL_FOLDER OUT_FOLDER JSON_OPTIONS JSON_ROWS    a list of LoraConfig's options; the
adapters go to OUT_FOLDER/0, OUT_FOLDER/1, …
"""

import json
import sys

import torch
from peft import LoraConfig, get_peft_model
from peft_nll import mean_nll
from transformers import AutoModelForCausalLM

model_folder, out, options, rows = sys.argv[1:]
torch.manual_seed(3)
results = []
for index, each in enumerate(json.loads(options)):
    base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **each)).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
        elif "modules_to_save" in name:
            with torch.no_grad():
                parameter.mul_(1.3 if "lm_head" in name else 1.1)
    model.save_pretrained(f"{out}/{index}")
    results.append(mean_nll(model, json.loads(rows)))
print(json.dumps(results))
