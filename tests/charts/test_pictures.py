"""What the pictures show, on published files of invented posts."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml
from conftest_types import Posts, Publish
