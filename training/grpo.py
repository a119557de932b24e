"""GRPO on trl: config, rows, model (+ LoRA), trainer. `main.py train grpo --config FILE.toml [--resume]`.

Only arguments that the installed trl knows. The same file under torchrun or `accelerate launch` is one run in many
processes: `prompts` are of all of them. No gradient checkpointing: it would turn off the cache while sampling.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import torch
import trl
from accelerate.utils import gather_object
from peft import PeftModel
from PIL import Image
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from transformers import AutoProcessor, PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import GRPOConfig, GRPOTrainer
from trl.models import unwrap_model_for_generation

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.prompt import parse
from training.adapt import gathered, loaded, restore, save
from training.config import Config, Grpo, load
from training.control import Reins, Steered, begun, stopped
from training.credit import Advantages, by_token, relative, said, truths
from training.dataset import chat
from training.fast import Prompts, is_quick, quick_vision, shared_pictures, shared_prompts
from training.logged import small_pictures, weighted
from training.optim import MuonAdamW, groups_of, rate_at
from training.optional import reports, sampling
from training.progress import GroupLines, emit, processes
from training.rewards import REWARDS, Scores
from training.rows import Rows, asked_with, dataset
from training.sources import read
from training.sources.read import backgrounds, stock_of

PLACEHOLDERS = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")


def run(config: Path, resume: bool) -> int:
    """Train as the file says; 0 only when done. Kill it at any time: --resume goes on from the last checkpoint."""
    plan = load(config)
    if not plan.model:
        raise InputError(f"{config.name} lacks model; GRPO starts from a trained model: name its folder or hub id.")
    with begun(config, plan, resume) as reins:
        return _train(plan, resume, reins)


def _train(plan: Config, resume: bool, reins: Reins) -> int:
    card = asked_with(ModelCard.load(plan.model), plan.grpo.think)
    processor = AutoProcessor.from_pretrained(plan.model, padding_side="left")
    last = get_last_checkpoint(str(plan.out)) if resume else None
    made = trainer(plan, loaded(plan), processor, card, int(last.rsplit("-", 1)[1]) if last else 0)
    made.add_callback(Steered(reins, made.lines))
    with fast(made.model, card) as made.prompts, warnings.catch_warnings():
        # WORKAROUND trl 1.16 asks transformers 5.23 for a property that this renames, twice a step.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        made.train(resume_from_checkpoint=last)
    if made.state.global_step < plan.grpo.steps:
        return stopped(made.state.global_step)
    whole = gathered(plan, made)
    if whole is not None:
        save(plan, whole, processor, _card(plan, card))
    emit(event="done", step=plan.grpo.steps, of=plan.grpo.steps, folder=str(plan.out / "model"))
    return 0


@contextmanager
def fast(model: Any, card: ModelCard) -> Iterator[Prompts]:
    """The quick ways, where the model's family has them; yields what must be told how long the prompts are."""
    core = model.get_base_model() if isinstance(model, PeftModel) else model
    known = core.config.model_type == "qwen2_5_vl"
    with (
        shared_pictures(core) if known else nullcontext(),
        shared_prompts(core) if known else nullcontext(Prompts()) as prompts,
        quick_vision() if is_quick(core, card.canvas.side) else nullcontext(),
    ):
        yield prompts


def trainer(plan: Config, model: Any, processor: Any, card: ModelCard, done: int = 0) -> GroupTrainer:
    """The trainer of a plan, ready to start at a step."""
    stock = stock_of(plan, card)
    rows = Rows(plan, card, backgrounds(plan), stock)
    data = dataset(rows, plan.grpo.steps * plan.grpo.prompts, done * plan.grpo.prompts)
    weights = plan.rewards.weights
    if not weights:
        raise InputError("All reward weights are 0; give at least one under [rewards].")
    made = GroupTrainer(
        model=model,
        reward_funcs=[with_ids, *(REWARDS[name] for name in weights)],
        args=arguments(plan, model),
        train_dataset=data,
        processing_class=processor,
    )
    made.plan = plan.grpo
    made.adapters = bool(plan.lora.rank)
    for callback in (PrinterCallback, ProgressCallback):
        made.remove_callback(callback)
    made.lines = GroupLines(plan.grpo.prompts * plan.grpo.group)
    made.add_callback(made.lines)
    made.add_callback(SeededSteps(plan.seed))
    return made


def arguments(plan: Config, model: Any) -> GRPOConfig:
    """The plan in trl's words."""
    grpo = plan.grpo
    completions = grpo.prompts * grpo.group
    each, rest = divmod(completions, processes())
    micro = grpo.micro or each
    if rest or each % micro or grpo.group < 2:
        raise InputError(
            "prompts x group under [grpo] must divide by the processes, and that by micro; a group needs 2 completions."
        )
    if grpo.credit == "steps" and grpo.loss_type == "luspo":
        raise InputError('loss_type = "luspo" weighs whole replies; set credit under [grpo] to "reply".')
    config = model.config
    suppressed = [getattr(config, name) for name in PLACEHOLDERS if name in config.to_dict()]
    return GRPOConfig(
        output_dir=str(plan.out),
        max_steps=grpo.steps,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=each // micro,
        num_generations=grpo.group,
        max_completion_length=grpo.max_tokens,
        temperature=grpo.temperature,
        **sampling(grpo, suppressed),  # a sampled placeholder has no picture: the run would end
        shuffle_dataset=False,
        loss_type=grpo.loss_type,
        beta=grpo.beta,
        epsilon=grpo.eps,
        epsilon_high=grpo.eps_high,
        scale_rewards=grpo.scale,
        importance_sampling_level="sequence" if grpo.loss_type == "luspo" else "token",
        reward_weights=[0.0, *plan.rewards.weights.values()],
        learning_rate=grpo.lr,
        max_grad_norm=1.0,
        bf16=grpo.bf16,
        activation_checkpointing=False,
        logging_steps=grpo.log_steps,
        save_steps=grpo.checkpoint_steps,
        save_total_limit=2,
        ignore_data_skip=True,  # the data set itself starts at the right row
        report_to=reports(plan.log),
        disable_tqdm=True,
        seed=plan.seed,
        use_cpu=not torch.cuda.is_available(),
    )


def with_ids(completions: list[Any], *, case: list[str], asks: list[str], log_extra: Any, **columns: Any) -> Scores:
    """No reward: puts case, question and truth beside every logged completion, which is logged without its picture."""
    for name, values in (("case", case), ("asks", asks), ("solution", columns["solution"])):
        log_extra(name, [str(value) for value in values])
    return [0.0] * len(completions)


class SeededSteps(TrainerCallback):  # type: ignore[misc]
    """What is sampled in a step depends on seed and step only: a resumed run samples what it would have sampled."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_step_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Seed torch's generators, every process its own way."""
        drawn = np.random.SeedSequence((self.seed, state.global_step, args.process_index))
        torch.manual_seed(int(drawn.generate_state(1, np.uint64)[0]))


class GroupTrainer(GRPOTrainer):  # type: ignore[misc]
    """trl's trainer with resumable weights, completions in parquet, and the answers without the ROI for `looking`."""

    plan = Grpo()
    adapters = False
    lines: GroupLines
    prompts = Prompts()

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, *args: Any, **rest: Any
    ) -> Any:
        # Processes whose layers are gathered at every call must call them equally often.
        self.prompts.length = 0 if self.is_fsdp_enabled else input_ids.shape[1] - logits_to_keep
        try:
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, *args, **rest
            )
        finally:
            self.prompts.length = 0

    def get_batch_samples(self, *args: Any, **rest: Any) -> Any:
        """The next rows, and how long they were waited for."""
        with self.lines.waits():
            return super().get_batch_samples(*args, **rest)

    def create_optimizer(self, *args: Any) -> Any:
        """trl's AdamW, or SFT's Muon where the plan gives it a rate."""
        if not self.plan.muon_lr:
            return super().create_optimizer(*args)
        self.optimizer: Any = MuonAdamW(groups_of((self.model,), self.plan.muon_lr, self.plan.lr))
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The plan's rates: a short rise, a flat part, a straight fall where it asks for one."""
        plan = self.plan
        self.lr_scheduler = LambdaLR(
            optimizer or self.optimizer, lambda step: rate_at(step, num_training_steps, plan.warm_steps, plan.flat)
        )
        return self.lr_scheduler

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.adapters or self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            restore(self.model, resume_from_checkpoint)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None of trl's: the model's own card is written at the end."""

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        if self.plan.credit == "steps":
            output["advantages"] = self._by_token(inputs, output)
        return output

    def _by_token(self, inputs: list[dict[str, Any]], output: dict[str, Any]) -> Tensor:
        """Advantages [completions here, tokens]: see training.credit."""
        pieces, texts = self._pieces(output["completion_ids"], output["completion_mask"])
        here = [said(text, row["facts"]) for text, row in zip(texts, inputs, strict=True)]
        told, first = gather_object(here), self.accelerator.process_index * len(here)
        mine = slice(first, first + len(here))
        weights = dict(zip(self.reward_func_names, self.reward_weights.tolist(), strict=True))
        part = {name: (self._paid[:, n] * weight).nan_to_num() for n, (name, weight) in enumerate(weights.items())}
        rest = torch.stack([values for name, values in part.items() if name != "validation"]).sum(0)

        def against_group(rewards: Sequence[float | None]) -> Advantages:
            return relative(rewards, self.plan.group, self.plan.scale)[mine]

        paid_form = self._paid[:, list(weights).index("form")] if "form" in weights else torch.zeros_like(rest)
        form = paid_form.nan_to_num().tolist()
        paid = cache(lambda kind: weights.get("validation", 0.0) * against_group(truths(told, kind)))
        found = by_token(
            pieces,
            here,
            rest=against_group(rest.tolist()),
            form=weights.get("form", 0.0) * against_group(form),
            truth=paid,
        )
        whole = torch.zeros(output["completion_ids"].shape, device=self.accelerator.device)
        for row, values in enumerate(found):
            whole[row, : len(values)] = torch.from_numpy(values)
        return whole

    def _pieces(self, ids: Tensor, mask: Tensor) -> tuple[list[list[int]], list[str]]:
        """Lengths in characters of every completion's tokens, and its text.

        A token alone may be half a letter, or lose its space: prefixes are decoded, not tokens.
        """

        def told(row: list[int]) -> list[str]:
            starts = (self._tokenizer.decode(row[:end], skip_special_tokens=True) for end in range(len(row) + 1))
            return [one.rstrip("\ufffd") for one in starts]

        rows = [told(row[keep].tolist()) for row, keep in zip(ids, mask.bool(), strict=True)]
        return [[len(b) - len(a) for a, b in pairwise(row)] for row in rows], [row[-1] for row in rows]

    def _calculate_rewards(self, inputs: list[dict[str, Any]], *rest: Any) -> Any:
        unseen = {row["case"]: row for row in inputs if row["unseen"] is not None}
        answers = dict(zip(unseen, self._blind(list(unseen.values())), strict=True)) if unseen else {}
        rows = [{**row, "blind": answers.get(row["case"])} for row in inputs]
        self._paid: Tensor = super()._calculate_rewards(rows, *rest)  # [completions of all processes, rewards]
        return self._paid

    def _blind(self, rows: list[dict[str, Any]]) -> list[str]:
        """The model's likeliest answer to each row with the ROI blanked."""
        made, pictures = self.processing_class, [Image.Image.copy(row["unseen"]) for row in rows]
        texts = [
            made.apply_chat_template(chat(row["prompt"][0]["content"]), add_generation_prompt=True) for row in rows
        ]
        inputs = made(text=texts, images=pictures, padding=True, padding_side="left", return_tensors="pt")
        kept = {name: value for name, value in self.generation_kwargs.items() if name in KEPT}
        with unwrap_model_for_generation(self.model_wrapped, self.accelerator) as model, torch.no_grad():
            ids = model.generate(**inputs.to(self.accelerator.device), do_sample=False, **kept)
        tail = ids[:, inputs["input_ids"].shape[1] :]
        return [parse(text).answer for text in made.batch_decode(tail, skip_special_tokens=True)]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As trl, and the step's completions as trl writes them."""
        super().log(logs, start_time)
        if self._logs["prompt"] and self.accelerator.is_main_process:
            self._write_completions()

    def _write_completions(self) -> None:
        # WORKAROUND trl 1.16: log_completions=True also prints every completion on stdout, where our progress goes.
        folder = Path(self.args.output_dir) / "completions"
        folder.mkdir(exist_ok=True)
        logs, step = self._logs, self.state.global_step
        table = {
            "step": [step] * len(logs["prompt"]),
            "prompt": [_words(messages) for messages in logs["prompt"]],
            "completion": [_words(messages) for messages in logs["completion"]],
            **{name: list(values) for name, values in (*logs["rewards"].items(), *logs["extra"].items())},
            "advantage": list(logs["advantages"]),
            "picture": small_pictures(logs["extra"]["case"], logs["images"]),
        }
        table["reward"] = weighted(logs["rewards"], self.reward_weights.tolist())
        table.pop(with_ids.__name__, None)
        pandas.DataFrame(table).to_parquet(folder / f"completions_{step:05d}.parquet")


KEPT = ("max_new_tokens", "pad_token_id", "eos_token_id", "suppress_tokens")


def _words(messages: list[dict[str, Any]]) -> str:
    content = messages[-1]["content"]
    return content if isinstance(content, str) else " ".join(part["text"] for part in content if "text" in part)


def _card(plan: Config, card: ModelCard) -> ModelCard:
    """The card of the model started from, with what was done to it."""
    training = {
        "method": f"GRPO, trl {trl.__version__}",
        "base": plan.model,
        "seed": plan.seed,
        "grpo": asdict(plan.grpo),
        "rewards": plan.rewards.weights,
        "before": card.training,
    }
    data = read.said(plan) or card.data
    return replace(card, name=plan.out.name, figures={}, data=data, training=training, assumed=False)
