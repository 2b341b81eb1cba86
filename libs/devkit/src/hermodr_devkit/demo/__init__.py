from hermodr_devkit.demo.run import run
from hermodr_devkit.demo.show import Screen
from hermodr_devkit.demo.stage import stop_running

__all__ = ["Screen", "run", "stop_running"]
