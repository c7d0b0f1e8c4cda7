"""Joints, body parts, scenes of a source and a target, and what is computed of them: rasters and warps."""
