"""`python -m services.contacts`: the contacts service on its port."""

from services.common.service import serve
from services.common.settings import load_settings

if __name__ == "__main__":
    settings = load_settings()
    serve("services.contacts.app:create_app", settings.contacts_port, settings)
