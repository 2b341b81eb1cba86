"""What every sender shares: providers, failure classes, claim-send-record."""
