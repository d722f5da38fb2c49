/** Entry of the page that says why a layer is slow or what of it is missing. */
import './styles/desk.css';
import './desk/tileReportPage';
import { keepPlaceOnLanguageChange, skipLinks } from './core/shell';

keepPlaceOnLanguageChange();
skipLinks();
