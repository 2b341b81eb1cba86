"""Errors of the sandbox.

SandboxError
├── InvalidFault      a fault rule without meaning (422)
├── TooManyFaults     the rule book is full of active rules (409)
├── MailNotFound      no such mail, or it made room for newer ones (404)
├── FaultNotFound     no such rule (404)
├── TextNotFound      no such text, or it made room for newer ones (404)
├── MessageNotFound   no such mail, text, webhook or in-app notification (404)
├── TooManyTemplates  there are very many approved templates (409)
├── PartNotFound      the mail has no such part (404)
└── InvalidQuery      a query parameter that is unknown or unreadable (400)
"""


class SandboxError(Exception):
    """`status` is the HTTP status."""

    status = 500
    title = "Internal error"


class InvalidFault(SandboxError):
    status = 422
    title = "Invalid fault rule"


class TooManyFaults(SandboxError):
    status = 409
    title = "Too many fault rules"


class MailNotFound(SandboxError):
    status = 404
    title = "Mail not found"


class TextNotFound(SandboxError):
    status = 404
    title = "Text not found"


class MessageNotFound(SandboxError):
    status = 404
    title = "Message not found"


class TooManyTemplates(SandboxError):
    status = 409
    title = "Too many templates"


class PartNotFound(SandboxError):
    status = 404
    title = "Part not found"


class FaultNotFound(SandboxError):
    status = 404
    title = "Fault rule not found"


class InvalidQuery(SandboxError):
    status = 400
    title = "Invalid query"
