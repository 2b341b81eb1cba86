"""`make chaos`: everything is broken at random while mails are asked for, and a judge counts what became of them."""
