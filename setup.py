"""What pyproject.toml can't say: the wheel holds the top-level folder configs/ as pgjax/configs."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["pgjax", "pgjax.*"]), "pgjax.configs"],
    package_dir={"pgjax.configs": "configs"},
)
