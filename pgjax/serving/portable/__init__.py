"""A whole model as one ONNX file, from bytes and joints to bytes, that runs without JAX.

pgjax converts its own programs: of JAX's operations its networks use some sixty, and what stands between
them (batches of any size, joints that are looked up, warps) is where a converter of everything goes wrong.
docs/onnx.md has the reasons and the file's inputs.
"""
