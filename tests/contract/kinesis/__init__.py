"""What our source relies on in Kinesis and DynamoDB: said once, held against every stand-in."""
