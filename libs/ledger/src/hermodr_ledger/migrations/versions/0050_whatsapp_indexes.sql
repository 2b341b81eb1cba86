CREATE INDEX deliveries_whatsapp ON deliveries (address) WHERE channel = 'whatsapp';
