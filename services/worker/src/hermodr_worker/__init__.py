"""Runs background tasks. What a task's module needs is here: `task`, `TaskContext`, and what tasks may raise."""

from hermodr_worker.context import TaskContext
from hermodr_worker.definition import Task, task
from hermodr_worker.errors import Retry, TaskCancelled, TaskFailed

__all__ = ["Retry", "Task", "TaskCancelled", "TaskContext", "TaskFailed", "task"]
