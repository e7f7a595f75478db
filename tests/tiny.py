"""A language model small enough to train in a test: Llama-like, randomly initialised, with a ChatML tokenizer of its own."""

from pathlib import Path

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TEXT = """Goal: click the button. Page: [12] button "ok" [13] textbox "Username" value="bob" [14] checkbox "yes" checked
Done: click("12"); fill("13", "bob"); Error: there is no element. Predict the action. Explain the reason. user assistant system
the page goes on: characters are not shown because the goal asks for it"""


def tiny_model(folder: Path, *, seed: int = 0, hidden: int = 32) -> Path:
    """Write the model's Hugging Face folder, a few 100 kB, in about a second.

    Args:
        folder: where to; made if it does not exist.
        seed: of the weights.
        hidden: hidden size, a multiple of 8; another one makes a base that adapters of the first do not fit.

    Returns:
        The folder.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)  # such small products are not worth a second thread, least of all on a busy machine
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        TEXT.splitlines(),
        trainers.BpeTrainer(vocab_size=500, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=SPECIAL[1], eos_token=SPECIAL[2], pad_token=SPECIAL[0], unk_token=SPECIAL[0]
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(str(folder))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=backend.get_vocab_size(),
            hidden_size=hidden,
            intermediate_size=2 * hidden,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,  # its embedding is zero, so it could never be learnt: not the end token
            initializer_range=0.2,
            tie_word_embeddings=True,
        )
        model = LlamaForCausalLM(config)
        model.model.embed_tokens.weight.data *= 4  # else no hidden state could make a token certain
        model.save_pretrained(str(folder))
    return folder
