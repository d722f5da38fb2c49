/** Entry of the map page and of the embedded map. */
import 'maplibre-gl/dist/maplibre-gl.css';
import './styles/map.css';
import './styles/mapLayout.css';
import './map/mapApp';
import { keepPlaceOnLanguageChange, keepViewOnLinks, skipLinks } from './core/shell';

keepPlaceOnLanguageChange();
keepViewOnLinks();
skipLinks();
