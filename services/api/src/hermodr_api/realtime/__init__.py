"""What end users see while it happens: Socket.IO and Server-Sent Events over the same hub."""
