"""Models that were trained, taken away: load, predict, explain. Reads run directories only."""
