"""What makes a zip unsafe or its names unclear: its members as they are listed, before one is unpacked."""
