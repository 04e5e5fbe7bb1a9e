"""What a sweep shows; reads run directories only."""
