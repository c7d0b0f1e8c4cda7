"""What a trained model is used for: re-posing photos, exporting with a card, augmenting a data set."""
