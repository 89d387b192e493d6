"""What a file is: its kind, grid, layers and times, a field in a few numbers, and a STAC Item of it."""

from sensetrack.info.describe import FileInfo as FileInfo
from sensetrack.info.describe import LayerInfo as LayerInfo
from sensetrack.info.describe import look_at as look_at
from sensetrack.info.footprint import write_footprint as write_footprint
from sensetrack.info.product import product_item as product_item
from sensetrack.info.product import write_quicklook as write_quicklook
from sensetrack.info.stac import stac_item as stac_item
from sensetrack.info.summary import FieldSummary as FieldSummary
from sensetrack.info.summary import Statistics as Statistics
from sensetrack.info.summary import flag_array as flag_array
from sensetrack.info.summary import shares_of as shares_of
from sensetrack.info.summary import usable_mask as usable_mask
