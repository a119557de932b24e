"""Tiny untrained vision-language models of several families, saved as model folders: config, processor, weights."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from engine.ct.geometry import Box
from engine.reasoning.prompt import STAGES, reply
from engine.reasoning.reasoner import Question
from engine.reasoning.zoom import CanvasSpec, compose

SIDE = 64
OPTIONS = ("solid nodule", "mass", "normal", "emphysema")
PAD, END = "<|endoftext|>", "<|im_end|>"
SPECIAL = (PAD, END, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
EXTRA = ("<image>", "<video>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>", "<img>", "</img>")
SIZES = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def question(**changes: Any) -> Question:
    """A small canvas with noise and a bright blob, and a question with options."""
    rng = np.random.default_rng(3)
    hu = rng.normal(-800, 60, (96, 96)).astype(np.float32)
    hu[40:56, 40:60] += 700
    spec = CanvasSpec(side=SIDE, inset=24)
    canvas = compose(spec, hu, (1.0, 1.0), (38.0, 38.0, 62.0, 58.0))
    return Question(**{"canvas": canvas, "options": OPTIONS, "prompt": "brief", "max_tokens": 24, **changes})


@functools.cache
def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with a few hundred merges; every text can be encoded."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    sentences = {stage: f"the {stage} of the box is a nodule of 12 mm, é ü 漢字" for stage in STAGES}
    texts = [reply(sentences, option) for option in OPTIONS] * 3
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=360, special_tokens=[*SPECIAL, *EXTRA], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD, padding_side="left")


def token_id(text: str) -> int:
    """The id of a special token."""
    return int(tokenizer().convert_tokens_to_ids(text))


def template(picture: str) -> str:
    """A chat template in which a picture becomes the given token."""
    return (
        "{% for m in messages %}{{ m['role'] }}: {% for part in m['content'] %}{% if part['type'] == 'image' %}"
        + picture
        + "{% else %}{{ part['text'] }}{% endif %}{% endfor %}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )


def _text(**more: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer()),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
        "bos_token_id": token_id(PAD),
        "eos_token_id": token_id(END),
        "pad_token_id": token_id(PAD),
        **more,
    }


_VIT = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 8, "out_hidden_size": 32}
_QWEN_IDS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
_SIGLIP = {
    "model_type": "siglip_vision_model",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "patch_size": 8,
    "image_size": SIDE,
    "vision_use_head": False,
}


def _qwen_processor(kind: Any, video: Any) -> Any:
    from transformers import Qwen2VLImageProcessor

    shape: Any = {"patch_size": 8, "merge_size": 2, "temporal_patch_size": 2, **SIZES}
    shape["size"] = {"shortest_edge": SIDE**2, "longest_edge": SIDE**2}
    text = tokenizer()
    chat = template("<|vision_start|><|image_pad|><|vision_end|>")
    return kind(
        image_processor=Qwen2VLImageProcessor(**shape),
        tokenizer=text,
        video_processor=video(**shape),
        chat_template=chat,
    )


def qwen2_5_vl() -> tuple[Any, Any]:
    """Qwen2.5-VL: the bundled model's family; rotary positions in three sections."""
    import transformers as t

    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    ids = {key: token_id(text) for key, text in _QWEN_IDS.items()}
    vision = {**_VIT, "fullatt_block_indexes": [0, 1], "window_size": 32, "initializer_range": 0.2}
    config = t.Qwen2_5_VLConfig(text_config=_text(rope_parameters=rope), vision_config=vision, **ids)
    return t.Qwen2_5_VLForConditionalGeneration(config), _qwen_processor(t.Qwen2_5_VLProcessor, t.Qwen2VLVideoProcessor)


def qwen3_vl() -> tuple[Any, Any]:
    """Qwen3-VL: visual features enter several layers."""
    import transformers as t

    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3], "mrope_interleaved": True}
    ids = {key: token_id(text) for key, text in _QWEN_IDS.items()}
    vision = {**_VIT, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1], "initializer_range": 0.2}
    config = t.Qwen3VLConfig(text_config=_text(head_dim=16, rope_parameters=rope), vision_config=vision, **ids)
    return t.Qwen3VLForConditionalGeneration(config), _qwen_processor(t.Qwen3VLProcessor, t.Qwen3VLVideoProcessor)


def qwen3_5() -> tuple[Any, Any]:
    """Qwen3.5: linear attention with a running state instead of a cache of keys in half of its layers."""
    import transformers as t

    rope = {
        "rope_type": "default",
        "rope_theta": 10000.0,
        "mrope_section": [2, 3, 3],
        "mrope_interleaved": True,
        "partial_rotary_factor": 1.0,
    }
    ids = {key: token_id(text) for key, text in _QWEN_IDS.items()}
    linear = {
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
    }
    text = _text(head_dim=16, rope_parameters=rope, layer_types=["linear_attention", "full_attention"], **linear)
    vision = {**_VIT, "num_position_embeddings": 64, "initializer_range": 0.2}
    config = t.Qwen3_5Config(text_config=text, vision_config=vision, **ids)
    return t.Qwen3_5ForConditionalGeneration(config), _qwen_processor(t.Qwen3VLProcessor, t.Qwen3VLVideoProcessor)


def gemma3() -> tuple[Any, Any]:
    """Gemma 3, MedGemma's family: sliding windows, and a picture that sees itself in both directions."""
    import transformers as t

    marks = {"image_token": "<image>", "boi_token": "<img>", "eoi_token": "</img>"}
    text = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer().backend_tokenizer,
        eos_token=END,
        pad_token=PAD,
        padding_side="left",
        extra_special_tokens=marks,
    )
    pictures = t.Gemma3ImageProcessor(size={"height": SIDE, "width": SIDE}, **SIZES)
    processor = t.Gemma3Processor(pictures, text, chat_template=template("<img>"), image_seq_length=16)
    config = t.Gemma3Config(
        text_config=_text(
            head_dim=16,
            sliding_window=32,
            layer_types=["sliding_attention", "full_attention"],
            query_pre_attn_scalar=16,
        ),
        vision_config={**_SIGLIP},
        mm_tokens_per_image=16,
        boi_token_index=token_id("<img>"),
        eoi_token_index=token_id("</img>"),
        image_token_index=token_id("<image>"),
    )
    model = t.Gemma3ForConditionalGeneration(config)
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight)  # zeros otherwise: blind
    return model, processor


def idefics3() -> tuple[Any, Any]:
    """Idefics3, SmolVLM's family: the picture in tiles."""
    import transformers as t

    pictures = t.Idefics3ImageProcessor(
        size={"longest_edge": SIDE}, max_image_size={"longest_edge": SIDE}, do_image_splitting=False, **SIZES
    )
    processor = t.Idefics3Processor(pictures, tokenizer(), image_seq_len=16, chat_template=template("<image>"))
    vision = {key: value for key, value in _SIGLIP.items() if key not in {"model_type", "vision_use_head"}}
    config = t.Idefics3Config(
        text_config={"model_type": "llama", **_text()},
        vision_config=vision,
        image_token_id=token_id("<image>"),
        scale_factor=2,
    )
    return t.Idefics3ForConditionalGeneration(config), processor


def llava_onevision() -> tuple[Any, Any]:
    """LLaVA-OneVision: a SigLIP tower before a Qwen2 model."""
    import transformers as t

    grid = [[SIDE, SIDE]]
    pictures = t.LlavaOnevisionImageProcessor(size={"height": SIDE, "width": SIDE}, image_grid_pinpoints=grid, **SIZES)
    videos = t.LlavaOnevisionVideoProcessor(size={"height": SIDE, "width": SIDE}, **SIZES)
    processor = t.LlavaOnevisionProcessor(
        pictures,
        tokenizer(),
        videos,
        num_image_tokens=64,
        vision_feature_select_strategy="full",
        chat_template=template("<image>"),
    )
    config = t.LlavaOnevisionConfig(
        text_config={"model_type": "qwen2", **_text()},
        vision_config={**_SIGLIP},
        image_token_index=token_id("<image>"),
        video_token_index=token_id("<video>"),
        image_grid_pinpoints=grid,
    )
    return t.LlavaOnevisionForConditionalGeneration(config), processor


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    build.__name__: build for build in (qwen2_5_vl, qwen3_vl, qwen3_5, gemma3, idefics3, llava_onevision)
}


def save(family: str, folder: Path) -> Path:
    """A model folder of that family; the same weights every time."""
    torch.manual_seed(5)
    model, processor = FAMILIES[family]()
    model.generation_config.eos_token_id = token_id(END)
    model.generation_config.pad_token_id = token_id(PAD)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


ROI = Box((-12.0, -12.0, 0.0), (12.0, 12.0, 10.0))
