"""The treaty's HTTP endpoint: an asyncio front, and one desk thread behind it that answers all who wait in one transaction."""
