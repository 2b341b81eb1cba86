"""Pure rules of the sandbox: mails, the mailbox that keeps them, faults. No I/O."""
