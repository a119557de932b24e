"""A small Qwen2.5-VL from nothing: its tokenizer, processor and untrained weights, saved as any model folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from engine.reasoning.zoom import CanvasSpec
from training.backgrounds import Bank
from training.synthetic import CANVAS, sample

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
TAGS = ("<think>", "</think>", "<answer>", "</answer>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ENGLISH = Path(__file__).with_name("english.txt")
# Replies need about 80 tokens; the rest is for other prompts.
GENERATION = {"max_new_tokens": 160, "do_sample": False}


def corpus(bank: Bank, count: int, seed: int) -> list[str]:
    """Prompts and replies of so many samples, every number that can be said, and a page of plain English."""
    texts = []
    for index in range(count):
        one = sample(bank, seed, "train", index)
        texts += [one.prompt, one.wording.reply]
    sizes = [f" about {size} mm," for size in (*range(1, 10), *range(10, 100, 2))]
    densities = [f" about {hu} HU," for hu in range(-1000, 1050, 50)]
    return [*texts, *(sizes + densities) * 20, *ENGLISH.read_text(encoding="utf-8").splitlines()]


def tokenizer(texts: list[str], size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE: any text can be encoded; the tags of a reply are one token each."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = [PAD, START, END, *VISION]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    room = size - len(TAGS)
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=room, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    bpe.add_tokens([AddedToken(tag, normalized=False) for tag in TAGS])
    made = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=END, pad_token=PAD, padding_side="left", model_max_length=1024
    )
    made.add_special_tokens({"additional_special_tokens": [START, *VISION]})
    for name, token in (("image_token", VISION[2]), ("video_token", VISION[3])):
        setattr(made, name, token)
    return made


def processor(text: PreTrainedTokenizerFast, patch: int, merge: int, spec: CanvasSpec = CANVAS) -> Qwen2_5_VLProcessor:
    """Picture and text together; pictures of the canvas's size pass unscaled."""
    pixels = spec.side**2
    shape: dict[str, Any] = {
        "patch_size": patch,
        "merge_size": merge,
        "temporal_patch_size": 1,
        "size": {"shortest_edge": pixels, "longest_edge": pixels},
        "image_mean": [0.3] * 3,
        "image_std": [0.3] * 3,
    }
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**shape),
        tokenizer=text,
        video_processor=Qwen2VLVideoProcessor(**shape),
        chat_template=TEMPLATE,
    )


def build(text: PreTrainedTokenizerFast, shape: dict[str, Any], seed: int) -> Qwen2_5_VLForConditionalGeneration:
    """Untrained weights. `shape`: patch, merge, window, vit_layers, vit_width, vit_full, layers, width, head."""
    torch.manual_seed(seed)
    ids = {token: text.convert_tokens_to_ids(token) for token in (PAD, END, *VISION)}
    half = shape["head"] // 2
    quarter = half // 4
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(text),
            "hidden_size": shape["width"],
            "intermediate_size": shape["width"] * 8 // 3 // 16 * 16,
            "num_hidden_layers": shape["layers"],
            "num_attention_heads": shape["width"] // shape["head"],
            "num_key_value_heads": shape["width"] // shape["head"],
            "max_position_embeddings": 1024,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [half - 6 * quarter // 2, 3 * quarter // 2, 3 * quarter // 2],
            },
            "tie_word_embeddings": True,
            "bos_token_id": ids[PAD],
            "eos_token_id": ids[END],
            "pad_token_id": ids[PAD],
        },
        vision_config={
            "depth": shape["vit_layers"],
            "hidden_size": shape["vit_width"],
            "intermediate_size": shape["vit_width"] * 8 // 3 // 16 * 16,
            "num_heads": shape["vit_width"] // 32,
            "patch_size": shape["patch"],
            "spatial_merge_size": shape["merge"],
            "temporal_patch_size": 1,
            "out_hidden_size": shape["width"],
            "window_size": shape["window"],
            "fullatt_block_indexes": list(shape["vit_full"]),
            "tokens_per_second": 2,
        },
        vision_start_token_id=ids[VISION[0]],
        vision_end_token_id=ids[VISION[1]],
        image_token_id=ids[VISION[2]],
        video_token_id=ids[VISION[3]],
        tie_word_embeddings=True,
    )
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        **GENERATION, bos_token_id=ids[PAD], eos_token_id=ids[END], pad_token_id=ids[PAD]
    )
    return model


def export(model: Qwen2_5_VLForConditionalGeneration, made: Qwen2_5_VLProcessor, folder: Path) -> None:
    """The folder that AutoModelForImageTextToText and AutoProcessor load: bf16 safetensors, tokenizer, template."""
    folder.mkdir(parents=True, exist_ok=True)
    tied = "lm_head.weight" if model.config.tie_word_embeddings else ""  # is the embedding: stored once
    state = {name: value.detach().to(torch.bfloat16) for name, value in model.state_dict().items() if name != tied}
    model.save_pretrained(folder, state_dict=state)
    made.save_pretrained(folder)
