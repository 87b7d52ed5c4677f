"""The sub-commands, one file a group of verbs. Each parses, calls and prints; the verbs themselves are in verbs/."""
