from hermodr_worker import TaskContext, task


@task("word-count", timeout=60, users=True)
async def count(ctx: TaskContext, payload: dict[str, str]) -> dict[str, int]:
    found = {}
    for number, (name, text) in enumerate(payload.items(), 1):
        found[name] = len(text.split())
        await ctx.log(f"{name}: {found[name]} words")
        await ctx.progress(number, len(payload), f"Counted {name}")
    return found
