"""AWS's Lambda runtime emulator, without Docker."""
