"""The API's types and descriptions, from which the OpenAPI document is made."""
