"""Supervised training on staged replies: config, data, model (+ LoRA), trainer. `main.py train sft --config FILE.toml`.

transformers' Trainer and not trl's SFTTrainer: samples are drawn on the fly from a map-style torch data set, which trl
refuses (it wants a datasets.Dataset), and trl computes entropy and accuracy over all logits, a third of a step here.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import SequentialSampler
from transformers import (
    AutoProcessor,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training.adapt import gathered, loaded, restore, save
from training.backgrounds import Bank
from training.config import Config, Train, load
from training.control import Reins, Steered, begun, stopped
from training.dataset import IGNORED, Collator, Samples
from training.fast import compiled, is_quick, quick_vision
from training.model import build, corpus, processor, tokenizer
from training.optim import MuonAdamW, groups_of, rate_at
from training.optional import reports
from training.progress import JsonLines, emit, first_process, processes
from training.sources.read import backgrounds, said, stock_of
from training.synthetic import CANVAS, PROMPT
from training.warmup import warm_up
from training.wording import KINDS


class ReplyTrainer(Trainer):  # type: ignore[misc]
    """Trainer with samples in order, and the loss computed where there is a reply (a third of the positions)."""

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Any:
        return SequentialSampler(self.train_dataset)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Mean cross-entropy of the reply's tokens, over all micro-batches of a step where they are accumulated."""
        labels = inputs.pop("labels")
        wanted = labels[:, 1:] != IGNORED
        tail = labels.shape[1] - int(wanted.any(0).float().argmax())  # from the first reply's first token on
        logits = model(**inputs, use_cache=False, logits_to_keep=tail).logits[:, :-1][wanted[:, 1 - tail :]]
        total = functional.cross_entropy(logits.float(), labels[:, 1:][wanted], reduction="sum")
        if num_items_in_batch is None:
            loss = total / wanted.sum()
        else:  # counted over all processes, whose slopes are then averaged
            loss = total * self.accelerator.num_processes / num_items_in_batch
        return (loss, {"logits": logits}) if return_outputs else loss

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.lora or self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            restore(self.model, resume_from_checkpoint)

    def create_optimizer(self, *args: Any) -> Any:
        """Muon for the matrices of the layers, AdamW for the rest."""
        self.optimizer: Any = MuonAdamW(groups_of((self.model,), self.train_plan.muon_lr, self.train_plan.adam_lr))
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """A short rise, a flat part, a straight fall."""
        plan = self.train_plan
        self.lr_scheduler = LambdaLR(
            optimizer or self.optimizer, lambda step: rate_at(step, num_training_steps, plan.warm_steps, plan.flat)
        )
        return self.lr_scheduler

    def get_batch_samples(self, *args: Any, **rest: Any) -> Any:
        """The next samples, and how long they were waited for."""
        with self.lines.waits():
            return super().get_batch_samples(*args, **rest)

    train_plan = Train()
    lora = False
    lines: JsonLines
    card = ModelCard(name="")


def run(config: Path, resume: bool) -> int:
    """Train as the file says; 0 only when done. Kill it at any time: --resume goes on from the last checkpoint."""
    plan = load(config)
    with begun(config, plan, resume) as reins:
        return _train(plan, resume, reins)


def _train(plan: Config, resume: bool, reins: Reins) -> int:
    samples = backgrounds(plan)
    model, made = _model(plan, samples, resume)
    if plan.warmup.steps:
        step = warm_up(plan, model, made, samples, resume, reins)
        if step < plan.warmup.steps:
            return stopped(step, phase="warmup")
    last = get_last_checkpoint(str(plan.out)) if resume else None
    trainer = _trainer(plan, model, made, samples, _step_of(last), reins)
    with quick_vision() if is_quick(model, trainer.card.canvas.side) else nullcontext():
        trainer.train(resume_from_checkpoint=last)
    if trainer.state.global_step < plan.train.steps:
        return stopped(trainer.state.global_step)
    whole = gathered(plan, trainer)
    if whole is not None:
        save(plan, whole, made, _card(plan))
    emit(event="done", step=plan.train.steps, of=plan.train.steps, folder=str(plan.out / "model"))
    return 0


def _model(plan: Config, samples: Bank, resume: bool) -> tuple[Any, Any]:
    """From a folder or hub id, else built; the tokenizer of a built model comes from the first samples."""
    if plan.model:
        return loaded(plan), AutoProcessor.from_pretrained(plan.model)
    kept = plan.out / "processor"  # a resumed run keeps its tokenizer, whatever became of the generator since
    if resume and kept.is_dir():
        made = AutoProcessor.from_pretrained(kept)
    else:
        text = tokenizer(corpus(samples, 600, plan.seed + 2_000_003), plan.build.vocabulary)
        made = processor(text, plan.build.patch, plan.build.merge)
        if first_process():
            made.save_pretrained(kept)
    return build(made.tokenizer, vars(plan.build), plan.seed), made


def _step_of(checkpoint: str | None) -> int:
    return int(checkpoint.rsplit("-", 1)[1]) if checkpoint else 0


def _trainer(plan: Config, model: Any, made: Any, samples: Bank, done: int, reins: Reins) -> ReplyTrainer:
    train = plan.train
    batch = train.batch * train.accumulate
    each, rest = divmod(train.batch, processes())
    if rest:
        raise InputError(f"batch under [train] is of all processes; make it a multiple of {processes()}.")
    if train.compile:
        compiled(model)
    arguments = TrainingArguments(
        output_dir=str(plan.out),
        max_steps=train.steps,
        per_device_train_batch_size=each,
        gradient_accumulation_steps=train.accumulate,
        max_grad_norm=1.0,
        bf16=train.bf16,
        logging_steps=train.log_steps,
        save_steps=train.checkpoint_steps,
        save_total_limit=2,
        dataloader_num_workers=train.workers,
        dataloader_prefetch_factor=4 if train.workers else None,
        ignore_data_skip=True,  # the data set itself starts at the right sample
        remove_unused_columns=False,
        report_to=reports(plan.log),
        disable_tqdm=True,
        seed=plan.seed,
        use_cpu=not torch.cuda.is_available(),
    )
    card, count = _card(plan), train.steps * batch
    data = Samples(
        samples,
        plan.seed,
        count,
        start=done * batch,
        real=plan.data.real,
        no_inset=plan.data.no_inset,
        places=plan.data.places,
        spec=card.canvas,
        prompt=card.prompt,
        stock=stock_of(plan, card),
    )
    trainer = ReplyTrainer(
        model=model,
        args=arguments,
        train_dataset=data,
        data_collator=Collator(made, train.prompt_tokens, train.reply_tokens),
    )
    trainer.lora, trainer.card, trainer.train_plan = bool(plan.lora.rank), card, train
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    trainer.lines = JsonLines(batch)
    trainer.add_callback(trainer.lines)
    trainer.add_callback(Steered(reins, trainer.lines))
    return trainer


def _card(plan: Config) -> ModelCard:
    """Canvas and prompt of the model that is trained on, else ours; what it was trained with."""
    made = ModelCard(name=plan.out.name, canvas=CANVAS, prompt=PROMPT)
    base = ModelCard.load(plan.model) if plan.model else made
    return replace(
        base,
        name=plan.out.name,
        options=base.options or KINDS,
        normal=base.normal or ("normal",),
        data=said(plan) or "training/synthetic.py: lesions drawn into phantoms and real slices",
        figures={},
        training={
            "base": plan.model,
            "seed": plan.seed,
            "steps": plan.train.steps,
            "batch": plan.train.batch * plan.train.accumulate,
            "warmup_steps": plan.warmup.steps,
        },
        assumed=False,
    )
