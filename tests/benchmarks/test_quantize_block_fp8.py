import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="quantising needs torch, which the engine brings")

from benchmarks.gpu.quantize_block_fp8 import LARGEST, convert, dequantize, quantize, relative_error  # noqa: E402


def test_a_matrix_comes_back_within_the_rounding_of_three_bits() -> None:
    weight = torch.randn(256, 384, generator=torch.Generator().manual_seed(1))
    quantized, scales = quantize(weight, torch.float32)
    assert quantized.dtype == torch.float8_e4m3fn
    assert scales.shape == (2, 3)
    assert 0.02 < relative_error(weight, dequantize(quantized, scales)) < 0.03


def test_each_block_has_a_scale_of_its_own() -> None:
    weight = torch.ones(128, 256)
    weight[:, 128:] = 1_000.0
    quantized, scales = quantize(weight, torch.float32)
    assert scales[0].tolist() == pytest.approx([1 / LARGEST, 1_000 / LARGEST])
    assert torch.allclose(dequantize(quantized, scales), weight)


def test_edges_that_fill_no_block_are_kept() -> None:
    weight = torch.randn(130, 100, generator=torch.Generator().manual_seed(2))
    quantized, scales = quantize(weight, torch.bfloat16)
    assert quantized.shape == (130, 100)
    assert scales.shape == (2, 1)
    assert relative_error(weight, dequantize(quantized, scales)) < 0.03


def test_zeros_stay_zeros() -> None:
    quantized, scales = quantize(torch.zeros(128, 128), torch.bfloat16)
    assert dequantize(quantized, scales).abs().max() == 0


def test_numbers_above_the_rounded_scale_are_cut_and_not_lost() -> None:
    for peak in (1.001, 1.003, 0.997, 12.34):
        quantized, scales = quantize(torch.full((128, 128), peak), torch.bfloat16)
        assert dequantize(quantized, scales)[0, 0].item() == pytest.approx(peak, rel=0.01)


def test_a_checkpoint_is_written_as_the_released_ones_are(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    source, target = tmp_path / "bf16", tmp_path / "fp8"
    source.mkdir()
    name = "model.layers.0.self_attn.q_proj.weight"
    kept = {"model.embed_tokens.weight": torch.ones(8, 128), "model.norm.weight": torch.ones(128)}
    save_file(kept | {name: torch.ones(128, 128)}, source / "model.safetensors")
    (source / "config.json").write_text(json.dumps({"num_hidden_layers": 1}))
    found = convert(source, target, torch.bfloat16)
    tensors = load_file(target / "model.safetensors")
    assert found["matrices"] == 1
    assert set(tensors) == {*kept, name, f"{name}_scale_inv"}
    assert tensors[name].dtype == torch.float8_e4m3fn
    quantization = json.loads((target / "config.json").read_text())["quantization_config"]
    assert quantization["weight_block_size"] == [128, 128]
    assert "model.layers.0.self_attn.q_norm" in quantization["modules_to_not_convert"]


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no"):
        convert(tmp_path, tmp_path / "fp8", torch.bfloat16)
