"""Makes openpose_tensorflow.npz, the published graph's maps by TensorFlow, for test_openpose_mobilenet.py.

In an environment of its own: pip install tensorflow-cpu scikit-image; python openpose_tensorflow.py GRAPH.pb
"""

import pathlib
import sys

import numpy as np
import skimage.data
import tensorflow as tf


def main(graph_file: str) -> None:
    definition = tf.compat.v1.GraphDef.FromString(pathlib.Path(graph_file).read_bytes())
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    astronaut = skimage.data.astronaut()
    maps = {}
    with tf.compat.v1.Session(graph=graph) as session:
        for name, picture in {
            "even": astronaut[:384:4, 64:384:4],  # 96x80
            "odd": astronaut[:360:5, 60:340:5],  # 72x56
        }.items():
            given = {"image:0": picture[None, :, :, ::-1].astype(np.float32)}
            maps[name] = session.run("Openpose/concat_stage7:0", given)[0]
    np.savez_compressed(pathlib.Path(__file__).with_suffix(".npz"), **maps)
    print({name: (x.shape, x[..., :18].max(axis=(0, 1)).round(2)) for name, x in maps.items()})


if __name__ == "__main__":
    main(sys.argv[1])
