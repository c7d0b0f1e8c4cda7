#!/usr/bin/env bash
# rtmlib 0.0.16 beside opencv-python-headless 4.14.0.94 (Python 3.11, pip 23.2).
#
# rtmlib asks for opencv-python and opencv-contrib-python without a version. Both write the same folder cv2 as the
# headless build does, and their newest versions are of OpenCV 5, which has no reader of Caffe models any more.
# So installing rtmlib takes readNetFromCaffe away from an environment that has opencv-python-headless<5. pip says
# nothing: it lists three builds of OpenCV, the headless one as 4.14.0.94 still, `pip check` finds no fault, and
# installing opencv-python-headless<5 again does nothing, because it is "already satisfied".
#
# Seen:
#   before: 4.14.0 True
#   after:  5.1.0 False, pip check: No broken requirements found.
#   again:  5.1.0 False
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
pip() { "$work/env/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }
opencv() {
    "$work/env/bin/python" -c 'import cv2; print(cv2.__version__, hasattr(cv2.dnn, "readNetFromCaffe"))'
}

pip install "opencv-python-headless==4.14.0.94"
before=$(opencv)
pip install "rtmlib==0.0.16" "opencv-python==5.0.0.93" "opencv-contrib-python==5.1.0.95"
after=$(opencv)
checked=$("$work/env/bin/python" -m pip check)
pip install "opencv-python-headless<5"
again=$(opencv)
headless=$("$work/env/bin/python" -m pip show opencv-python-headless 2>/dev/null | sed -n 's/^Version: //p')

echo "before: $before"
echo "after:  $after, pip check: $checked"
echo "again:  $again, opencv-python-headless is $headless to pip"
[[ $before == "4."*" True" && $after == "5."*" False" && $again == "$after" ]]
[[ $headless == 4.14.0.94 && $checked == "No broken requirements found." ]]
