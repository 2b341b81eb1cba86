"""Dramatiq: its default of one process per core and eight threads each, one SMTP connection per thread, no rows."""

import os
import smtplib
import threading
import time

import dramatiq
import letter
from dramatiq.brokers.rabbitmq import RabbitmqBroker

dramatiq.set_broker(RabbitmqBroker(url=os.environ["PEER_AMQP_URL"]))
local = threading.local()


def smtp():
    if not hasattr(local, "smtp"):
        local.smtp = smtplib.SMTP(letter.SMTP_HOST, letter.SMTP_PORT)
    return local.smtp


@dramatiq.actor(max_retries=3)
def send(number):
    smtp().sendmail(letter.SENDER, [letter.address(number)], letter.build(number).as_bytes())


def enqueue(numbers):
    for number in numbers:
        send.send(number)


def schedule(numbers, moments):
    for number, moment in zip(numbers, moments, strict=True):
        send.send_with_options(args=(number,), delay=max(0, round((moment - time.time()) * 1000)))
