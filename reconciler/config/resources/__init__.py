"""From the models of the YAML to resources, one module per kind."""
