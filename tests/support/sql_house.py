from uuid import UUID

from hermodr_servicekit.ids import new_id
from tests.support.psql import Psql

CONTENT = '{"subject": "Hello", "body": "you", "name": "Ada"}'


class House:
    def __init__(self, admin: Psql) -> None:
        self.ids: dict[str, dict[str, UUID]] = {}
        for name in ("shop", "bank"):
            ids = {what: new_id() for what in ("project", "ada", "bob", "group", "update")}
            project = ids["project"]
            admin.ask(
                f"INSERT INTO hermodr.projects (id, name) VALUES ('{project}', '{name}')",
                "INSERT INTO hermodr.recipients (id, project_id, user_id, email) VALUES"
                f" ('{ids['ada']}', '{project}', 'ada', 'ada@example.com'),"
                f" ('{ids['bob']}', '{project}', 'bob', 'bob@example.com')",
                f"INSERT INTO hermodr.groups (id, project_id, name) VALUES ('{ids['group']}', '{project}', 'family')",
                f"INSERT INTO hermodr.updates (id, project_id, group_id, title) VALUES ('{ids['update']}', '{project}',"
                f" '{ids['group']}', 'A tooth')",
                "INSERT INTO hermodr.templates (id, project_id, name, current_version) VALUES"
                f" ('{new_id()}', '{project}', 'magic_link', 1)",
            )
            self.ids[name] = ids

    def enqueue(self, project: str = "shop", person: str = "ada", **changes: str) -> str:
        """A call of `enqueue_notification_job`, by named arguments, with `changes` as SQL."""
        arguments = {
            "recipient_id": f"'{self.ids[project][person]}'",
            "group_id": f"'{self.ids[project]['group']}'",
            "update_id": f"'{self.ids[project]['update']}'",
            "notification_type": "'immediate'",
            "urgency": "'normal'",
            "delivery_method": "'email'",
            "content": f"'{CONTENT}'",
            "delay_minutes": "0",
        } | changes
        listed = ", ".join(f"{name} => {value}" for name, value in arguments.items())
        return f"SELECT hermodr.enqueue_notification_job({listed})"
