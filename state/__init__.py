"""The nouns: resources as desired, live and recorded, and where the recorded ones are kept."""
