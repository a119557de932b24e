"""A question as the model's inputs: its chat template, its processor, its longest text. Model process only."""

from __future__ import annotations

from typing import Any

from PIL import Image

from engine.reasoning.faults import ModelError
from engine.reasoning.load import Loaded
from engine.reasoning.prompt import messages
from engine.reasoning.reasoner import Question


def encode(loaded: Loaded, question: Question) -> dict[str, Any]:
    """The model's inputs for a question: its chat template with the picture, as tensors on its device.

    Raises ModelError where the template leaves the picture out or the model's longest text is passed.
    """
    chat = messages(question.canvas, question.text, question.options, question.prompt, question.history)
    inputs = _tokenized(loaded.processor, chat, Image.fromarray(question.canvas.pixels))
    length = inputs["input_ids"].shape[1]
    if loaded.picture_ids and not loaded.picture_ids & set(inputs["input_ids"][0].tolist()):
        raise ModelError(f"The chat template of {loaded.name} leaves the picture out; pick a vision-language model.")
    if loaded.limit is not None and length >= loaded.limit:
        what = "conversation" if question.history else "question"
        raise ModelError(
            f"The {what} with its picture takes {length} tokens, but {loaded.name} reads at most {loaded.limit}; "
            + ("begin a new conversation." if question.history else "shorten the question or its options.")
        )
    moved: dict[str, Any] = dict(inputs.to(loaded.device, loaded.dtype))
    return moved


def _tokenized(processor: Any, chat: list[dict[str, Any]], picture: Image.Image) -> Any:
    """By the chat template if that has a place for pictures; else with the picture's mark before the words."""
    mark = processor.image_token
    if processor.chat_template and mark in processor.apply_chat_template(chat, add_generation_prompt=True):
        chat[0]["content"][0] = {"type": "image", "image": picture}
        return processor.apply_chat_template(
            chat, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
    words = [str(turn["content"][-1]["text"]) for turn in chat]
    words[0] = f"{mark}\n{words[0]}"
    text = "\n".join(words)
    if processor.chat_template:
        plain = [{"role": turn["role"], "content": said} for turn, said in zip(chat, words, strict=True)]
        marked = processor.apply_chat_template(plain, add_generation_prompt=True)
        text = marked if mark in marked else text
    return processor(images=picture, text=text, return_tensors="pt")
