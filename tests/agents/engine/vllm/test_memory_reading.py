from agents.engine.vllm.memory_plan import MemoryMeter, MemoryPlan


def reading(budget: float) -> MemoryMeter:
    return MemoryMeter(
        MemoryPlan(
            gpu="Test",
            total_gib=16.0,
            free_gib=15.5,
            budget_gib=budget,
            weights_gib=4.3,
            kv_cache_gib=9.0,
            activations_gib=0.8,
            graphs_gib=0.1,
            runtime_gib=0.8,
            kv_cache_dtype="fp8_e5m2",
            kv_bytes_per_token=73_728,
            context_tokens=131_072,
            kv_tokens=131_072,
            batch_tokens=4_096,
            gpu_memory_utilization=0.9,
        )
    )


def test_growth_past_the_budget_keeps_long_requests_waiting_until_it_falls() -> None:
    memory = reading(budget=15.0)

    assert [memory.over_budget(used) for used in (14.8, 15.4, 14.9)] == [False, True, False]


def test_an_engine_that_starts_above_its_plan_does_not_block_itself_for_ever() -> None:
    memory = reading(budget=15.0)

    assert [memory.over_budget(used) for used in (15.12, 15.12, 15.5)] == [False, False, True]


def test_without_a_gpu_there_is_no_budget() -> None:
    assert not MemoryMeter(None).over_budget(100.0)
